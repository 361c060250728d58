/**
 * What kind of place a host is: this machine, a private network, a cloud's metadata service, or the internet. Judged
 * by its name alone; nothing is looked up.
 */
import { BlockList, isIP } from 'node:net'

export type HostKind = 'loopback' | 'private' | 'metadata' | 'public'

type Subnet = readonly [address: string, prefix: number, family: 'ipv4' | 'ipv6']

/** RFC 1122, RFC 4291; the unspecified address reaches this machine too. */
const LOOPBACK: readonly Subnet[] = [
  ['127.0.0.0', 8, 'ipv4'],
  ['0.0.0.0', 32, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['::', 128, 'ipv6'],
]
/** RFC 1918, RFC 6598 (also used by mesh networks), RFC 4193. */
const PRIVATE: readonly Subnet[] = [
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['fc00::', 7, 'ipv6'],
]
/** RFC 3927 and 4291 link-local, where clouds serve instance credentials, and their addresses outside of it. */
const METADATA: readonly Subnet[] = [
  ['169.254.0.0', 16, 'ipv4'],
  ['100.100.100.200', 32, 'ipv4'],
  ['fe80::', 10, 'ipv6'],
  ['fd00:ec2::254', 128, 'ipv6'],
]
const METADATA_NAMES: ReadonlySet<string> = new Set(['metadata', 'metadata.google.internal', 'instance-data'])
/** RFC 6761, RFC 6762, RFC 8375, and what routers and container engines hand out. */
const PRIVATE_ENDINGS = ['.local', '.lan', '.internal', '.home.arpa', '.intranet', '.test']

/** `hostname` as `URL` gives it: lower case, IPv6 in brackets. A name without a dot is a neighbour's. */
export function kindOfHost(hostname: string): HostKind {
  const host = hostname.replaceAll(/^\[|\]$|\.$/g, '').toLowerCase()
  if (isIP(host) !== 0) {
    if (isInSubnets(host, METADATA)) return 'metadata'
    if (isInSubnets(host, LOOPBACK)) return 'loopback'
    return isInSubnets(host, PRIVATE) ? 'private' : 'public'
  }
  if (METADATA_NAMES.has(host)) return 'metadata'
  if (host === 'localhost' || host.endsWith('.localhost')) return 'loopback'
  return !host.includes('.') || PRIVATE_ENDINGS.some((ending) => host.endsWith(ending)) ? 'private' : 'public'
}

/** True when `address`, a bare IP address, lies in one of the subnets. IPv4 written as IPv6 counts as IPv4. */
export function isInSubnets(address: string, subnets: readonly Subnet[]): boolean {
  const list = new BlockList()
  for (const [base, prefix, family] of subnets) list.addSubnet(base, prefix, family)
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
