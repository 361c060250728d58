/**
 * A config of CLIProxyAPI. Source: its published config.example.yaml and https://help.router-for.me/configuration.
 */
import { isJsonObject, type JsonObject } from '../core/json.ts'
import { filled, type Imported, objectsOf, textOf, textsOf, tokensOf, withUniqueNames } from './imported.ts'

/** A sign-in that lies in its `auth-dir`: the vendor it is for, and whose it is. */
export interface KeptSignIn {
  readonly type: string
  readonly email: string
}

/** Null when the file is not one of its configs. */
export function importCliProxy(file: JsonObject, signIns: readonly KeptSignIn[]): Imported | null {
  const accounts = [
    ...keysOf(file, 'claude-api-key', { platform: 'anthropic' }),
    ...keysOf(file, 'codex-api-key', { platform: 'openai', wire_api: 'responses' }),
    ...keysOf(file, 'gemini-api-key', { platform: 'gemini' }),
    ...textsOf(file['generative-language-api-key']).map((key) => ({
      name: 'gemini',
      platform: 'gemini',
      api_key: key,
    })),
    ...objectsOf(file['openai-compatibility']).flatMap(accountsOfServer),
    ...signIns.filter(({ type }) => type === 'codex').map(accountOfSignIn),
  ]
  if (!KEYS.some((key) => key in file)) return null
  const routing = isJsonObject(file['routing']) ? file['routing'] : {}
  return {
    from: 'CLIProxyAPI',
    config: filled({
      listen_addr: `${textOf(file['host'])}:${Number(file['port']) || 8317}`,
      auth_tokens: tokensOf(textsOf(file['api-keys'])),
      accounts: withUniqueNames(accounts),
      proxy: proxyOf(file),
      strategy: STRATEGIES[textOf(routing['strategy'])] ?? '',
      sticky_session_ttl: textOf(routing['session-affinity-ttl']),
    }),
    notes: [...notesOfSignIns(signIns), ...notesOfFile(file)],
  }
}

/** By these it is known. */
const KEYS = ['auth-dir', 'api-keys', 'claude-api-key', 'codex-api-key', 'gemini-api-key', 'openai-compatibility']

const STRATEGIES: Readonly<Record<string, string>> = { 'round-robin': 'round_robin', 'fill-first': 'fill_first' }

function keysOf(file: JsonObject, section: string, kind: JsonObject): JsonObject[] {
  return objectsOf(file[section]).map((entry) => accountOf(section.replace('-api-key', ''), entry, kind))
}

function accountsOfServer(server: JsonObject): JsonObject[] {
  const kind = { platform: 'openai', wire_api: 'chat' }
  // Older files hold bare keys; a server of one's own may want none.
  const bare = textsOf(server['api-keys']).map((key): JsonObject => ({ 'api-key': key }))
  const entries = [...objectsOf(server['api-key-entries']), ...bare]
  return (entries.length === 0 ? [{}] : entries).map((entry) =>
    accountOf(textOf(server['name']), { ...server, ...entry }, kind),
  )
}

function accountOf(name: string, entry: JsonObject, kind: JsonObject): JsonObject {
  const models = objectsOf(entry['models']).map((model) => ({
    asked: textOf(model['alias']) || textOf(model['name']),
    name: textOf(model['name']),
  }))
  const renamed = models.filter(({ asked, name }) => asked !== name)
  return filled({
    name,
    ...kind,
    base_url: textOf(entry['base-url']),
    api_key: textOf(entry['api-key']),
    proxy: proxyOf(entry),
    headers: isJsonObject(entry['headers']) ? entry['headers'] : {},
    models: models.map(({ asked }) => asked),
    model_map: Object.fromEntries(renamed.map(({ asked, name: own }) => [asked, own])),
  })
}

function proxyOf(entry: JsonObject): string {
  return textOf(entry['proxy-url']).replace(/^none$/i, 'direct')
}

/** Without its tokens: a refresh token works once, so two programs that share one sign each other out. */
function accountOfSignIn({ email }: KeptSignIn): JsonObject {
  return { name: email || 'chatgpt', platform: 'openai', type: 'oauth' }
}

function notesOfSignIns(signIns: readonly KeptSignIn[]): string[] {
  const others = signIns.filter(({ type }) => type !== 'codex')
  return [
    ...(others.length === signIns.length
      ? []
      : ['ChatGPT sign-ins were not copied, because two programs cannot share one: sign in with sub2api-simple login']),
    ...others.map(
      ({ type, email }) => `the sign-in of ${type} (${email || 'unnamed'}) was left out: use an API key instead`,
    ),
  ]
}

function notesOfFile(file: JsonObject): string[] {
  const isOn = (name: string): boolean => isJsonObject(file[name]) && file[name]['enable'] === true
  const entries = KEYS.flatMap((key) => objectsOf(file[key]))
  const has = (key: string): boolean => entries.some((entry) => entry[key] !== undefined && entry[key] !== '')
  return [
    ...(isOn('tls') ? ['tls was left out: put nginx or Caddy in front, see docs/recipes.md'] : []),
    ...(has('prefix') ? ['prefixes of models were left out: clients ask for the plain names'] : []),
    ...(has('excluded-models') ? ['excluded-models were left out: list what an account serves in its models'] : []),
    ...(has('priority') ? ['priorities were left out: here the lowest number is tried first'] : []),
  ]
}
