/**
 * Reads the config file: from its text to the frozen settings of a running relay, or to a list of what is wrong.
 */
import { dirname, resolve } from 'node:path'
import type { JsonObject } from '../core/json.ts'
import { createAccounts } from './accounts.ts'
import { parseListenAddress, type ListenAddress } from './addresses.ts'
import type { PriceOverride, RelayConfig } from './config.ts'
import { checkExtraParams } from './extras.ts'
import { readByShape } from './keys.ts'
import { reportLostReferences } from './names.ts'
import { ConfigError, fileProblem, type Problem } from './problem.ts'
import { readTextFile, UnreadableFile, type TextFile } from './read-file.ts'
import { createReport, type Report } from './report.ts'
import { ConfigShape, type ConfigInput } from './schema.ts'
import { createSecretReader, isWrittenOut, type Environment } from './secrets.ts'
import { parseSource } from './source.ts'
import { readOrigins } from './origins.ts'
import { outlineOf } from './outline.ts'
import { createTokens, PUBLISHED_TOKENS, readAdminToken } from './tokens.ts'
import { checkValues } from './values.ts'

export interface LoadedConfig {
  readonly config: RelayConfig
  /** What its owner should know although the relay can start. */
  readonly warnings: readonly Problem[]
  /** What the text says but for the tokens of sign-ins: see `outline.ts`. */
  readonly outline: string
}

/** A config of a thousand accounts has a fifth of this. */
const LARGEST_CONFIG_BYTES = 2 * 1024 * 1024

/**
 * Reads, checks and resolves the config at `path`; `environment` is where `${NAME}` and proxies are looked up.
 * Throws ConfigError with everything that is wrong. Account troubles, such as a missing secret, are no errors: such an
 * account carries its `problem`. Writes nothing.
 */
export async function loadConfig(path: string, environment: Environment = process.env): Promise<LoadedConfig> {
  const { input, report, mode, outline } = await readConfigInput(path)
  const config = await resolveConfig(resolve(path), input, environment, report)
  if (isOpenToOthers(mode) && holdsSecrets(input)) report.add(openFileWarning(path, mode))
  report.throwIfUnusable()
  return { config, warnings: report.problems(), outline }
}

interface ConfigText extends Pick<LoadedConfig, 'outline'> {
  readonly input: ConfigInput
  readonly report: Report
  /** Permissions of the file. */
  readonly mode: number
}

/** What the file says, with its values checked and nothing looked up. Throws ConfigError. */
export async function readConfigInput(path: string): Promise<ConfigText> {
  const { text, mode } = await readConfigFile(path)
  const source = parseSource(path, text)
  const report = createReport(path, text)
  const input = checkValues(readByShape(source, ConfigShape, report), report)
  report.throwIfUnusable()
  // Without errors there is an input; the compiler cannot know.
  if (input === null) throw new ConfigError(report.problems())
  return { input, report, mode, outline: outlineOf(source) }
}

async function readConfigFile(path: string): Promise<TextFile> {
  try {
    return await readTextFile(path, LARGEST_CONFIG_BYTES)
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error
    const advice =
      error.code === 'ENOENT'
        ? `Let sub2api-simple init write one, or write this into it, with a token of your own:\n${SMALLEST_CONFIG}`
        : ''
    throw new ConfigError([fileProblem('error', path, `cannot be read: ${error.message}`, advice)])
  }
}

/** What the README begins with. */
export const SMALLEST_CONFIG = `{
  "auth_tokens": ["sk-example-change-me"],
  "accounts": [{ "platform": "anthropic", "api_key": "\${ANTHROPIC_API_KEY}" }]
}`

async function resolveConfig(
  path: string,
  input: ConfigInput,
  environment: Environment,
  report: Report,
): Promise<RelayConfig> {
  const readSecret = createSecretReader(dirname(path), environment)
  const tokens = await createTokens(input.auth_tokens, readSecret, report)
  const accounts = await createAccounts(input, { environment, readSecret, report })
  reportLostReferences(tokens, accounts, report)
  for (const [model, fields] of input.model_extra_params) {
    checkExtraParams(fields, ['model_extra_params', model], report)
  }
  return Object.freeze({
    path,
    listen: readListenAddress(input, report),
    tokens,
    adminToken: await readAdminToken(input.admin_token, tokens, readSecret, report),
    corsOrigins: readOrigins(input.cors_origins, report),
    accounts,
    defaultInstructions: trimInstructions(input.openai_default_instructions),
    modelExtraParams: withoutEmpty(input.model_extra_params),
    modelMap: input.model_map,
    strategy: input.strategy,
    tokenStore: input.token_store,
    maxAccountSwitches: input.max_account_switches,
    stickySessionTtlMs: input.sticky_session_ttl,
    streamReadTimeoutMs: input.stream_read_timeout,
    connectTimeoutMs: input.connect_timeout,
    firstByteTimeoutMs: input.first_byte_timeout,
    responseTimeoutMs: input.response_timeout,
    keepaliveIntervalMs: input.keepalive_interval,
    holdStartMs: input.hold_start,
    queue: { timeoutMs: input.queue.timeout, size: input.queue.size },
    usageLog: readUsageLog(path, input),
    prices: readPrices(input.prices),
    cooldown: { maxMs: input.cooldown.max },
    onClientDisconnect: input.on_client_disconnect,
    maxBodyBytes: input.max_body_size,
    enableRequestLog: input.enable_request_log,
    enableStreamDebugLog: input.enable_stream_debug_log,
    enableModelDebugLog: input.enable_model_debug_log,
    log: input.log,
  })
}

/** Absolute; what is relative begins in the folder of the config at `path`. Null for none. */
export function readUsageLog(path: string, { usage_log: usageLog }: ConfigInput): string | null {
  return usageLog === undefined ? null : resolve(dirname(path), usageLog)
}

/** An entry that says nothing counts as none, so that `*` applies instead, as in the Go program. */
function trimInstructions(entries: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...entries].map(([model, text]) => [model, text.trim()] as const).filter(([, text]) => text !== ''))
}

function readPrices(prices: ConfigInput['prices']): ReadonlyMap<string, PriceOverride> {
  const entries = [...prices].map(([pattern, { cache_read, cache_write, ...price }]): [string, PriceOverride] => [
    pattern,
    {
      ...price,
      ...(cache_read === undefined ? {} : { cached: cache_read }),
      ...(cache_write === undefined ? {} : { cacheWrite: cache_write }),
    },
  ])
  return new Map(entries)
}

function withoutEmpty(entries: ReadonlyMap<string, JsonObject>): ReadonlyMap<string, JsonObject> {
  return new Map([...entries].filter(([, fields]) => Object.keys(fields).length > 0))
}

export function readListenAddress(input: ConfigInput, report: Report): ListenAddress {
  const address = parseListenAddress(input.listen_addr)
  if (!('rejected' in address)) return address
  report.error(['listen_addr'], address.rejected, address.advice)
  return { host: '127.0.0.1', port: 0 }
}

/** Windows has no such bits. */
function isOpenToOthers(mode: number): boolean {
  return process.platform !== 'win32' && (mode & 0o044) !== 0
}

function holdsSecrets(input: ConfigInput): boolean {
  const tokens = input.auth_tokens.map((each) => (typeof each === 'object' && 'token' in each ? each.token : each))
  const credentials = input.accounts.flatMap((account) => [
    account.api_key,
    account.oauth_token,
    account.refresh_token,
    account.access_token,
  ])
  return [...tokens, ...credentials, input.admin_token]
    .filter((secret) => secret !== undefined)
    .some((secret) => isWrittenOut(secret) && !PUBLISHED_TOKENS.includes(secret))
}

function openFileWarning(path: string, mode: number): Problem {
  const readers = (mode & 0o004) === 0 ? 'its group' : 'everybody on this machine'
  return fileProblem('warning', path, `holds secrets and can be read by ${readers}`, `Run: chmod 600 ${path}`)
}
