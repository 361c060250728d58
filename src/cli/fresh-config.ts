/**
 * The first config of somebody who has none: what their environment offers, a random token, and this machine alone.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Environment } from '../config/secrets.ts'
import type { Platform } from '../core/platforms.ts'

/** An account as it stands in a config. */
export interface FreshAccount {
  readonly name: string
  readonly platform: Platform
  readonly type?: 'oauth'
  readonly api_key?: string
  readonly base_url?: string
  readonly wire_api?: 'chat' | 'both'
}

export interface FreshConfig {
  readonly listen_addr: string
  readonly auth_tokens: readonly string[]
  readonly accounts: readonly FreshAccount[]
  readonly model_map?: Readonly<Record<string, string>>
}

/** The variables by which the vendors' own SDKs find a key and another server. */
const VARIABLES: ReadonlyArray<readonly [Platform, keys: readonly string[], baseUrl: string]> = [
  ['anthropic', ['ANTHROPIC_API_KEY'], 'ANTHROPIC_BASE_URL'],
  ['openai', ['OPENAI_API_KEY'], 'OPENAI_BASE_URL'],
  ['gemini', ['GEMINI_API_KEY', 'GOOGLE_API_KEY'], 'GOOGLE_GEMINI_BASE_URL'],
  ['mistral', ['MISTRAL_API_KEY'], 'MISTRAL_BASE_URL'],
]

export interface Offer {
  /** The variable that holds the key. */
  readonly variable: string
  readonly account: FreshAccount
}

/** An account for each key in the environment. The key stays there: the config refers to it. */
export function findOffers(environment: Environment): Offer[] {
  return VARIABLES.flatMap(([platform, keys]) => {
    const variable = keys.find((name) => (environment[name]?.trim() ?? '') !== '')
    return variable === undefined ? [] : [{ variable, account: keyAccount(platform, `\${${variable}}`, environment) }]
  })
}

/** An account for a key, at the server that the environment names for its vendor. */
export function keyAccount(platform: Platform, key: string, environment: Environment): FreshAccount {
  const variable = VARIABLES.find(([name]) => name === platform)?.[2] ?? ''
  const server = environment[variable]?.trim() ?? ''
  const account = { name: platform, platform, api_key: key }
  if (server === '' || isRelayItself(server)) return account
  if (platform !== 'openai') return { ...account, base_url: server }
  // A server that is not the vendor's own mostly knows Chat Completions alone.
  const isOfVendor = URL.canParse(server) && /(^|\.)openai\.com$/.test(new URL(server).hostname)
  return { ...account, base_url: server, wire_api: isOfVendor ? 'both' : 'chat' }
}

/** Whoever has led their shell to the relay already must not make it call itself. */
function isRelayItself(server: string): boolean {
  const url = URL.canParse(server) ? new URL(server) : null
  return url !== null && /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname) && url.port === `${USUAL_PORT}`
}

export const USUAL_PORT = 8080

export function describeConfig(
  accounts: readonly FreshAccount[],
  port: number,
  modelMap: Readonly<Record<string, string>>,
): FreshConfig {
  return {
    listen_addr: `127.0.0.1:${port}`,
    auth_tokens: [randomBytes(24).toString('hex')],
    accounts,
    ...(Object.keys(modelMap).length === 0 ? {} : { model_map: modelMap }),
  }
}

/**
 * Writes the file for its owner alone, and its folder if need be. A file that is there is never touched. Throws an Error that
 * says what is in the way.
 */
export async function writeFreshConfig(path: string, config: object): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeNewFile(path, `${JSON.stringify(config, null, 2)}\n`)
  } catch (error) {
    throw new Error(explain(path, error as NodeJS.ErrnoException), { cause: error })
  }
}

async function writeNewFile(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    await unlink(path).catch(() => {})
    throw error
  } finally {
    await file.close()
  }
}

function explain(path: string, { code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EEXIST':
      return `${path} exists already and was left as it is; edit it, or name another file with -config`
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${path} cannot be written: no permission; name another file with -config`
    case undefined:
    default:
      return `${path} cannot be written: ${message}`
  }
}
