/**
 * How each client is led to the relay without touching a file of its own. Sources: what the published clients did when they
 * were run against a scripted server, and their own documentation.
 */
import { matchesPattern } from '../core/match.ts'
import { PLATFORMS, type Platform } from '../core/platforms.ts'
import type { SettingsName } from './client-names.ts'

/** Where the relay is, what to present to it, and what it serves. */
export interface RelayAccess {
  /** `http://host:port`, without a slash behind it. */
  readonly url: string
  readonly token: string
  readonly platforms: readonly Platform[]
  /** Names of models, for a client that keeps no list of its own. */
  readonly models: readonly string[]
}

export interface ClientSettings {
  readonly environment: Readonly<Record<string, string>>
  /** Variables that would lead the client past the relay, or show it a second credential. */
  readonly unwanted: readonly string[]
  /** Stand before the user's own arguments. */
  readonly args: readonly string[]
}

/** The variable that holds the token where the client lets us choose. */
const TOKEN_VARIABLE = 'SUB2API_SIMPLE_TOKEN'
const PROVIDER = 'sub2api-simple'

export function settingsOf(client: SettingsName, access: RelayAccess): ClientSettings {
  const { url, token } = access
  switch (client) {
    case 'claude':
      // With /v1 in the address it would ask /v1/v1/messages.
      return settings({ ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: token }, [
        'ANTHROPIC_API_KEY',
        'CLAUDE_CODE_OAUTH_TOKEN',
        'CLAUDE_CODE_USE_BEDROCK',
        'CLAUDE_CODE_USE_FOUNDRY',
        'CLAUDE_CODE_USE_VERTEX',
      ])
    case 'codex':
      // It ignores OPENAI_BASE_URL, and a provider of its own keeps it from trying a WebSocket first.
      return { environment: { [TOKEN_VARIABLE]: token }, unwanted: [], args: codexArguments(url) }
    case 'gemini':
      // The type counts where its settings file names none.
      return settings(
        { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: token, GEMINI_DEFAULT_AUTH_TYPE: 'gemini-api-key' },
        ['GOOGLE_API_KEY', 'GOOGLE_GENAI_USE_GCA', 'GOOGLE_GENAI_USE_VERTEXAI'],
      )
    case 'opencode':
      return settings({ OPENCODE_CONFIG_CONTENT: JSON.stringify(opencodeConfig(access)) })
    case 'openai':
      return settings({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: token })
    case 'anthropic':
      return settings({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: token }, ['ANTHROPIC_AUTH_TOKEN'])
  }
}

function settings(environment: Readonly<Record<string, string>>, unwanted: readonly string[] = []): ClientSettings {
  return { environment, unwanted, args: [] }
}

/** The provider as Codex's config knows it; its strings are the same in TOML and in JSON. */
export function codexProvider(url: string): { readonly name: string; readonly settings: Record<string, string> } {
  return {
    name: PROVIDER,
    settings: { name: PROVIDER, base_url: `${url}/v1`, wire_api: 'responses', env_key: TOKEN_VARIABLE },
  }
}

function codexArguments(url: string): string[] {
  const provider = codexProvider(url)
  const overrides = [
    ['model_provider', provider.name],
    ...Object.entries(provider.settings).map(([key, value]) => [`model_providers.${provider.name}.${key}`, value]),
  ]
  return overrides.flatMap(([key, value]) => ['-c', `${key}=${JSON.stringify(value)}`])
}

/** How OpenCode calls a vendor, and the version that its SDK wants in the address. */
const OPENCODE_VENDORS: Partial<Record<Platform, readonly [name: string, version: string]>> = {
  anthropic: ['anthropic', '/v1'],
  openai: ['openai', '/v1'],
  gemini: ['google', '/v1beta'],
}

/** Merged over the user's own config. Models of no vendor that OpenCode knows get a provider of ours. */
function opencodeConfig({ url, token, platforms, models }: RelayAccess): object {
  const provider: Record<string, object> = {}
  for (const platform of platforms) {
    const [name, version] = OPENCODE_VENDORS[platform] ?? []
    if (name !== undefined) provider[name] = { options: { baseURL: `${url}${version}`, apiKey: token } }
  }
  const others = models.filter((model) => !isKnownToOpencode(model))
  if (others.length > 0) {
    provider[PROVIDER] = {
      npm: '@ai-sdk/openai-compatible',
      name: PROVIDER,
      options: { baseURL: `${url}/v1`, apiKey: token },
      models: Object.fromEntries(others.map((model) => [model, {}])),
    }
  }
  return { provider }
}

function isKnownToOpencode(model: string): boolean {
  return Object.keys(OPENCODE_VENDORS).some((platform) =>
    PLATFORMS[platform as Platform].families.some((family) => matchesPattern(family, model)),
  )
}
