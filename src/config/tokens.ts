/**
 * The tokens that clients of the relay may use.
 */
import { type ClientToken, NO_LIMITS, type TokenLimits } from '../core/account.ts'
import { Secret } from '../core/secret.ts'
import { reportRepeatedNames } from './names.ts'
import type { Path, Report } from './report.ts'
import type { ConfigInput, SecretInput, TokenInput } from './schema.ts'
import type { SecretReader } from './secrets.ts'
import { HOW_TO_MAKE_ONE } from './token-advice.ts'

/** Tokens that stand in public examples (ours, and that of the Go program). Strangers try them. */
export const PUBLISHED_TOKENS: readonly string[] = ['sk-example-change-me', 'sk-your-api-key-for-clients']

const SHORTEST_SAFE_TOKEN = 12

/**
 * The usable tokens in the order of the config. Those without text are left out with a warning; when none is left that
 * is an error.
 */
export async function createTokens(
  inputs: ConfigInput['auth_tokens'],
  readSecret: SecretReader,
  report: Report,
): Promise<ClientToken[]> {
  const tokens: ClientToken[] = []
  const pathOfText = new Map<string, Path>()
  for (const [position, input] of inputs.entries()) {
    const path: Path = ['auth_tokens', position]
    const settings = isTokenObject(input) ? input : null
    const secretPath = settings === null ? path : [...path, 'token']
    const { text, missing } = await readSecret(settings?.token ?? (input as SecretInput))
    const earlier = pathOfText.get(text ?? '')
    if (missing !== undefined) report.warning(secretPath, `is left out: ${missing}`)
    else if (text === '') report.warning(secretPath, 'is empty and left out', HOW_TO_MAKE_ONE)
    else if (earlier !== undefined) report.warning(secretPath, 'is left out: the same token stands above')
    else {
      pathOfText.set(text, secretPath)
      judgeStrength(text, secretPath, report)
      tokens.push(createToken(text, nameOf(input, position), settings))
    }
  }
  if (tokens.length === 0) report.error(['auth_tokens'], 'holds no usable token', HOW_TO_MAKE_ONE)
  // Limits and usage are kept by name.
  reportRepeatedNames(inputs.map(nameOf), 'auth_tokens', report)
  return tokens
}

/** Null without one, and for one that cannot be found: then `/admin` stays closed to other machines. */
export async function readAdminToken(
  input: SecretInput | undefined,
  tokens: readonly ClientToken[],
  readSecret: SecretReader,
  report: Report,
): Promise<Secret | null> {
  if (input === undefined) return null
  const path: Path = ['admin_token']
  const { text, missing } = await readSecret(input)
  if (missing !== undefined) report.warning(path, `is left out: ${missing}`)
  else if (text === '') report.warning(path, 'is empty and left out', HOW_TO_MAKE_ONE)
  else if (PUBLISHED_TOKENS.includes(text)) report.error(path, 'is a published example', HOW_TO_MAKE_ONE)
  else if (tokens.some(({ token }) => token.reveal() === text)) {
    report.error(path, 'is one of the auth_tokens, so every client would have it', HOW_TO_MAKE_ONE)
  } else {
    judgeStrength(text, path, report)
    return new Secret(text)
  }
  return null
}

function nameOf(input: ConfigInput['auth_tokens'][number], position: number): string {
  return (isTokenObject(input) ? input.name : undefined) ?? `token-${position + 1}`
}

function isTokenObject(input: ConfigInput['auth_tokens'][number]): input is TokenInput {
  return typeof input === 'object' && 'token' in input
}

function createToken(text: string, name: string, settings: TokenInput | null): ClientToken {
  return Object.freeze({
    name,
    token: new Secret(text),
    accounts: settings?.accounts ?? [],
    models: settings?.models ?? [],
    modelMap: settings?.model_map ?? new Map(),
    loopbackOnly: PUBLISHED_TOKENS.includes(text),
    limits: settings === null ? NO_LIMITS : readLimits(settings),
  })
}

function readLimits({ max_concurrency, rpm, tpm, budget, expires_at }: TokenInput): TokenLimits {
  return {
    maxConcurrency: max_concurrency,
    rpm,
    tpm,
    budgetDay: budget?.day ?? null,
    budgetMonth: budget?.month ?? null,
    expiresAt: expires_at === undefined ? null : Date.parse(expires_at),
  }
}

function judgeStrength(text: string, path: Path, report: Report): void {
  if (PUBLISHED_TOKENS.includes(text)) {
    const message = 'is a published example; it is accepted from this machine only'
    report.warning(path, message, HOW_TO_MAKE_ONE)
  } else if (text.length < SHORTEST_SAFE_TOKEN) {
    report.warning(path, `is short enough to be guessed (${text.length} characters)`, HOW_TO_MAKE_ONE)
  } else if (!/^[\x21-\x7e]+$/.test(text)) {
    report.warning(path, 'holds characters that a client cannot send in a header')
  }
}
