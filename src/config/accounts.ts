/**
 * The upstream accounts of a config. An account that cannot serve is kept with the reason, so that one missing secret
 * stops neither the others nor the start.
 */
import type { Account, WireApi } from '../core/account.ts'
import { PLATFORMS, PLATFORM_NAMES, type Platform } from '../core/platforms.ts'
import { parseBaseUrl } from './addresses.ts'
import { closestTo } from './closest.ts'
import { chooseCredential, typeOfAccount } from './credential.ts'
import { checkExtraParams, readHeaders } from './extras.ts'
import { reportRepeatedNames } from './names.ts'
import { parseProxy, PROXY_FORMS, proxyFromEnvironment, type ProxyChoice } from './proxy.ts'
import type { Path, Report } from './report.ts'
import type { AccountInput, ConfigInput, SecretInput } from './schema.ts'
import { isWrittenOut, type Environment, type SecretReader } from './secrets.ts'

/** What accounts are made with besides their own settings. */
export interface Surroundings {
  readonly environment: Environment
  readonly readSecret: SecretReader
  readonly report: Report
}

export async function createAccounts(config: ConfigInput, surroundings: Surroundings): Promise<Account[]> {
  const { report } = surroundings
  const names = config.accounts.map((input, position) => input.name ?? `account-${position + 1}`)
  reportRepeatedNames(names, 'accounts', report)
  const globalProxy = await readProxy(config.proxy, ['proxy'], surroundings)
  const accounts: Account[] = []
  for (const [position, input] of config.accounts.entries()) {
    const name = names[position] as string
    accounts.push(await createAccount(name, input, ['accounts', position], globalProxy, surroundings))
  }
  return accounts
}

async function createAccount(
  name: string,
  input: AccountInput,
  path: Path,
  globalProxy: ProxyChoice | null,
  surroundings: Surroundings,
): Promise<Account> {
  const { environment, readSecret, report } = surroundings
  const type = typeOfAccount(input)
  reportOddities(input, type, path, report)
  const baseUrl = readBaseUrl(input, path, report)
  const upstream = new URL(baseUrl ?? vendorUrl(input.platform, type))
  const { credential, problem } = await chooseCredential(name, input, !isVendor(upstream), readSecret)
  const proxy =
    (await readProxy(input.proxy, [...path, 'proxy'], surroundings)) ??
    globalProxy ??
    proxyFromEnvironment(upstream, environment)
  return Object.freeze({
    name,
    platform: input.platform,
    type,
    credential,
    baseUrl,
    wireApi: chooseWireApi(input, type, upstream),
    proxy: proxy.proxy ?? null,
    priority: input.priority,
    concurrency: input.concurrency,
    rpm: input.rpm,
    models: input.models.map((pattern) => pattern.trim()),
    modelMap: input.model_map,
    tags: input.tags.map((tag) => tag.trim()),
    enabled: input.enabled,
    headers: readHeaders(input.headers, [...path, 'headers'], report),
    extraParams: checkExtraParams(input.extra_params ?? {}, [...path, 'extra_params'], report),
    reservePercent: input.reserve_percent,
    pauseAtPercent: input.pause_at_percent,
    // The proxy first: without its way an account may not even sign in.
    problem: proxy.problem ?? problem,
  })
}

const CHATGPT_URL = 'https://chatgpt.com'

/** Where calls go without a base_url; ChatGPT sign-ins have a server of their own. */
function vendorUrl(platform: Platform, type: Account['type']): string {
  return platform === 'openai' && type === 'oauth' ? CHATGPT_URL : PLATFORMS[platform].url
}

/** Vendors never serve without a key. */
function isVendor({ origin }: URL): boolean {
  return origin === CHATGPT_URL || PLATFORM_NAMES.some((platform) => PLATFORMS[platform].url === origin)
}

/** What can be used, but hardly does what its author thinks. */
function reportOddities(input: AccountInput, type: Account['type'], path: Path, report: Report): void {
  if (input.type !== undefined && input.type !== type) {
    const near = closestTo(input.type, ['api_key', 'oauth'])
    const advice = near === undefined ? '' : `Did you mean "${near}"?`
    report.warning([...path, 'type'], 'is neither "api_key" nor "oauth" and counts as "api_key"', advice)
  }
  if (input.wire_api !== undefined && (input.platform !== 'openai' || type === 'oauth')) {
    report.warning([...path, 'wire_api'], 'has an effect only for openai accounts with an API key')
  }
  if (input.platform === 'openai' && type === 'oauth' && input.base_url !== undefined) {
    report.warning([...path, 'base_url'], 'is where the sign-in is sent, instead of to chatgpt.com')
  }
}

function readBaseUrl(input: AccountInput, path: Path, report: Report): string | null {
  if (input.base_url === undefined) return null
  const parsed = parseBaseUrl(input.base_url, input.platform, input.allow_insecure_http)
  if ('url' in parsed) return parsed.url
  report.error([...path, 'base_url'], parsed.rejected, parsed.advice)
  return null
}

function chooseWireApi(input: AccountInput, type: Account['type'], upstream: URL): WireApi {
  if (type === 'oauth') return 'responses'
  return input.wire_api ?? (isVendor(upstream) ? 'both' : 'responses')
}

/** Null when there is no such setting. A URL that is wrong as it stands in the file is an error, with its place. */
async function readProxy(
  input: SecretInput | undefined,
  path: Path,
  { readSecret, report }: Surroundings,
): Promise<ProxyChoice | null> {
  if (input === undefined) return null
  const { text, missing } = await readSecret(input)
  if (missing !== undefined) return { problem: `proxy: ${missing}` }
  const parsed = parseProxy(text)
  if (parsed !== undefined) return parsed
  if (isWrittenOut(input)) report.error(path, PROXY_FORMS, 'For example "http://user:password@proxy.example:3128".')
  return { problem: `proxy: it ${PROXY_FORMS}` }
}
