/**
 * Which proxy an account's calls take. Whatever is configured and cannot be used stops the account: a call that was
 * meant for a proxy never goes out directly.
 */
import { isIP } from 'node:net'
import { Secret } from '../core/secret.ts'
import { isInSubnets, kindOfHost } from './host.ts'
import type { Environment } from './secrets.ts'

/** A URL, a direct connection (null), or why neither may be used. */
export type ProxyChoice =
  | { readonly proxy: Secret | null; readonly problem?: never }
  | { readonly proxy?: never; readonly problem: string }

export const PROXY_FORMS = 'must be "direct" or a URL that begins with http://, https:// or socks5://'

/** Reads a proxy setting; `undefined` when it is neither a proxy URL nor `direct`. */
export function parseProxy(text: string): ProxyChoice | undefined {
  const trimmed = text.trim()
  if (trimmed.toLowerCase() === 'direct') return { proxy: null }
  const url = URL.canParse(trimmed) ? new URL(trimmed) : null
  if (url === null || url.hostname === '' || !/^(?:https?|socks5h?|socks):$/.test(url.protocol)) return undefined
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') return undefined
  if (!canDecode(url.username) || !canDecode(url.password)) return undefined
  // Names are always resolved by the proxy, which is what the `h` asks for.
  return { proxy: new Secret(trimmed.replace(/^socks5?h?:/i, 'socks5:')) }
}

/**
 * The proxy that the environment asks for on the way to `target`: `HTTPS_PROXY` or `HTTP_PROXY` by its scheme, then
 * `ALL_PROXY`, in either case, unless `NO_PROXY` names the host. Hosts of this machine and of private networks are
 * reached directly, because no proxy of the environment was meant for them.
 */
export function proxyFromEnvironment(target: URL, environment: Environment): ProxyChoice {
  const kind = kindOfHost(target.hostname)
  const names = target.protocol === 'http:' ? ['HTTP_PROXY', 'ALL_PROXY'] : ['HTTPS_PROXY', 'ALL_PROXY']
  const name = names.flatMap((each) => [each, each.toLowerCase()]).find((each) => (environment[each] ?? '') !== '')
  if (name === undefined || kind === 'loopback' || kind === 'private') return { proxy: null }
  if (isExempt(target, environment['NO_PROXY'] ?? environment['no_proxy'] ?? '')) return { proxy: null }
  const value = environment[name] ?? ''
  // A bare host:port is an http proxy here, as for curl and Go.
  const proxy = parseProxy(value.includes('://') ? value : `http://${value}`)
  return proxy ?? { problem: `the proxy in the environment variable ${name} cannot be used: it ${PROXY_FORMS}` }
}

/** `NO_PROXY` as Go and curl read it: `*`, names with their subdomains, addresses, subnets; each may end in a port. */
function isExempt(target: URL, list: string): boolean {
  const host = target.hostname.replaceAll(/^\[|\]$/g, '')
  const port = target.port || (target.protocol === 'http:' ? '80' : '443')
  const entries = list.toLowerCase().split(/[\s,]+/)
  return entries.some((entry) => entry === '*' || (entry !== '' && isExemptBy(entry, host, port)))
}

function isExemptBy(entry: string, host: string, port: string): boolean {
  const [, subnet = '', prefix] = /^([0-9a-f.:]+)\/([0-9]{1,3})$/.exec(entry) ?? []
  if (isIP(subnet) !== 0) return isIP(host) !== 0 && isInSubnet(host, subnet, Number(prefix))
  // An IPv6 address without brackets has colons, but no port.
  const [, name = '', onlyPort = port] =
    isIP(entry) === 6 ? ['', entry] : (/^\[?(.*?)\]?(?::([0-9]+))?$/.exec(entry) ?? [])
  const domain = name.replace(/^\*?\./, '')
  return onlyPort === port && (host === domain || host.endsWith(`.${domain}`))
}

function isInSubnet(host: string, address: string, prefix: number): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  return prefix <= (family === 'ipv6' ? 128 : 32) && isInSubnets(host, [[address, prefix, family]])
}

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
