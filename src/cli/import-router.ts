/**
 * A config of claude-code-router, versions 1 and 2. Source: the README of that project (`Providers`, `Router`, `APIKEY`).
 */
import type { JsonObject, JsonValue } from '../core/json.ts'
import { filled, type Imported, objectsOf, textOf, textsOf, tokensOf, withUniqueNames } from './imported.ts'

/** Null when the file is not one of its configs. */
export function importRouter(file: JsonObject): Imported | null {
  const providers = objectsOf(file['Providers'] ?? file['providers'])
  if (providers.length === 0) return null
  const routes = (file['Router'] ?? {}) as JsonObject
  const timeout = Number(file['API_TIMEOUT_MS'])
  const key = textOf(file['APIKEY'])
  return {
    from: 'claude-code-router',
    config: filled({
      // Without a key it listens on this machine alone, whatever its HOST says.
      listen_addr: `${key === '' ? '127.0.0.1' : textOf(file['HOST']) || '127.0.0.1'}:${Number(file['PORT']) || 3456}`,
      auth_tokens: tokensOf(key === '' ? [] : [reference(key)]),
      accounts: withUniqueNames(providers.map(accountOf)),
      model_map: mapOf(routes),
      proxy: reference(textOf(file['PROXY_URL'])),
      response_timeout: timeout > 0 ? `${Math.ceil(timeout / 1000)}s` : '',
    }),
    notes: [...notesOfRoutes(routes), ...notesOfProviders(providers), ...notesOfFile(file)],
  }
}

/** It knows `$NAME` besides `${NAME}`. */
function reference(text: string): string {
  return text.replace(/\$([A-Za-z_]\w*)/g, '${$1}')
}

function accountOf(provider: JsonObject): JsonObject {
  const address = textOf(provider['api_base_url'])
  return filled({
    name: textOf(provider['name']),
    ...kindOf(address, transformersOf(provider)),
    api_key: reference(textOf(provider['api_key'])),
    models: textsOf(provider['models']),
  })
}

/** Its addresses are those of one route; ours are those of the server. */
function kindOf(address: string, transformers: readonly string[]): JsonObject {
  const host = URL.canParse(address) ? new URL(address).hostname : ''
  const server = address.replace(/\/(?:v1\/messages|chat\/completions|responses|models)?\/?$/, '')
  if (host === 'generativelanguage.googleapis.com') return { platform: 'gemini' }
  if (host === 'api.anthropic.com') return { platform: 'anthropic' }
  if (host === 'api.mistral.ai') return { platform: 'mistral' }
  if (/\/messages\/?$/.test(address) || transformers.includes('Anthropic'))
    return { platform: 'anthropic', base_url: server }
  if (transformers.includes('gemini')) return { platform: 'gemini', base_url: server }
  if (host === 'api.openai.com') return { platform: 'openai' }
  const isResponses = /\/responses\/?$/.test(address)
  return { platform: 'openai', base_url: server, wire_api: isResponses ? 'responses' : 'chat' }
}

/** Claude Code asks for its small model in the background, and for others by their own names. */
function mapOf(routes: JsonObject): JsonObject {
  return filled({ 'claude-haiku-*': modelOf(routes['background']), 'claude-*': modelOf(routes['default']) })
}

/** `provider,model`: the accounts' model lists tell the provider. */
function modelOf(route: JsonValue | undefined): string {
  return textOf(route).replace(/^[^,]*,/, '')
}

function notesOfRoutes(routes: JsonObject): string[] {
  return ['think', 'longContext', 'webSearch', 'image']
    .filter((name) => modelOf(routes[name]) !== '')
    .map((name) => `Router.${name} (${modelOf(routes[name])}) has no counterpart: the client's model name decides`)
}

function notesOfProviders(providers: readonly JsonObject[]): string[] {
  return providers.flatMap((provider) => {
    const own = transformersOf(provider).filter((name) => !DONE_ANYWAY.has(name))
    if (own.length === 0) return []
    return [
      `${textOf(provider['name'])}: the transformers ${own.join(', ')} were left out; extra_params may do their work`,
    ]
  })
}

/** What they adapt is done here by platform and `wire_api`. */
const DONE_ANYWAY = new Set([
  'Anthropic',
  'deepseek',
  'gemini',
  'openrouter',
  'groq',
  'reasoning',
  'tooluse',
  'cleancache',
])

/** Of the provider and of its single models; one with options is a list that begins with the name. */
function transformersOf({ transformer }: JsonObject): string[] {
  const groups = [transformer as JsonObject | undefined, ...Object.values((transformer ?? {}) as JsonObject)]
  const uses = groups.flatMap((group) => {
    const use = (group as JsonObject | null | undefined)?.['use']
    return Array.isArray(use) ? use : []
  })
  return [...new Set(uses.map((each) => textOf(Array.isArray(each) ? each[0] : each)))].filter((name) => name !== '')
}

function notesOfFile(file: JsonObject): string[] {
  return [
    ...(textOf(file['CUSTOM_ROUTER_PATH']) === ''
      ? []
      : ['CUSTOM_ROUTER_PATH was left out: no code of others is run here']),
    ...(objectsOf(file['transformers']).length === 0
      ? []
      : ['transformers were left out: no code of others is run here']),
  ]
}
