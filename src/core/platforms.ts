/**
 * The vendors that a config can name, as data: what config and pool must know of each before any call. How one is called
 * and understood is its file in `providers/`.
 */

/** The four wire protocols, named like their folders in `protocols/`. */
export type Protocol = 'anthropic' | 'openai-responses' | 'openai-chat' | 'gemini'

export interface PlatformFacts {
  /** Where calls go without a `base_url`. */
  readonly url: string
  /** The end of a path that the provider appends itself; people copy it from the vendor's examples. */
  readonly versionPath: RegExp
  /** Patterns of the models that an account without a `models` list serves, the best known first. */
  readonly families: readonly string[]
  /** The dialects this vendor made: they get names that no family knows, and its own host takes their newest members. */
  readonly dialects: readonly Protocol[]
  /** Its models run on other people's servers, too. */
  readonly hasOpenWeights: boolean
}

export const PLATFORMS = definePlatforms({
  anthropic: {
    url: 'https://api.anthropic.com',
    versionPath: /\/v1$/,
    families: ['claude-*'],
    dialects: ['anthropic'],
    hasOpenWeights: false,
  },
  openai: {
    url: 'https://api.openai.com',
    versionPath: /\/v1$/,
    families: ['gpt-*', 'chatgpt-*', 'codex-*', 'o1*', 'o2*', 'o3*', 'o4*', 'o5*', 'o6*', 'o7*', 'o8*', 'o9*'],
    dialects: ['openai-responses', 'openai-chat'],
    hasOpenWeights: false,
  },
  gemini: {
    url: 'https://generativelanguage.googleapis.com',
    versionPath: /\/v1(?:beta)?$/,
    families: ['gemini-*', 'gemma-*'],
    dialects: ['gemini'],
    hasOpenWeights: false,
  },
  mistral: {
    url: 'https://api.mistral.ai',
    versionPath: /\/v1$/,
    families: ['mistral-*', 'magistral-*', 'ministral-*', 'codestral-*', 'devstral-*', 'pixtral-*'],
    dialects: [],
    hasOpenWeights: true,
  },
})

export type Platform = keyof typeof PLATFORMS

export const PLATFORM_NAMES = Object.keys(PLATFORMS) as [Platform, ...Platform[]]

/** The names stay a closed list, which the rows alone make up. */
function definePlatforms<Name extends string>(facts: Readonly<Record<Name, PlatformFacts>>) {
  return facts
}
