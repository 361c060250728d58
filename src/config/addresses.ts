/**
 * The two addresses of a config: where the relay listens, and the server an account is at.
 */
import { PLATFORMS, type Platform } from '../core/platforms.ts'
import { kindOfHost } from './host.ts'

/** A rejected value: what is wrong continues the name of the key. */
export interface Rejection {
  readonly rejected: string
  readonly advice: string
}

export interface ListenAddress {
  /** Null means all interfaces. */
  readonly host: string | null
  readonly port: number
}

const LISTEN_ADVICE = 'Write "127.0.0.1:8080" for this machine alone, or ":8080" for all interfaces.'

/** Reads `host:port`, `:port` and `[::1]:port`, the forms of Go's `net.Listen`. Port 0 lets the system choose. */
export function parseListenAddress(text: string): ListenAddress | Rejection {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text.trim()) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) return { rejected: 'is not host:port', advice: LISTEN_ADVICE }
  const host = bracketed ?? plain ?? ''
  return { host: host === '' ? null : host, port }
}

/**
 * The base URL without trailing slashes and without the version that the provider appends itself.
 * Plain http sends prompts and keys in the clear, so a public host needs `allowInsecureHttp`.
 */
export function parseBaseUrl(
  text: string,
  platform: Platform,
  allowInsecureHttp: boolean,
): { readonly url: string } | Rejection {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    return { rejected: 'must be an http:// or https:// URL', advice: 'For example "https://api.example.com".' }
  }
  if (url.username !== '' || url.password !== '') {
    return { rejected: 'must not hold credentials', advice: 'Put the key into api_key.' }
  }
  if (url.search !== '' || url.hash !== '') return { rejected: 'must end before "?" and "#"', advice: '' }
  const kind = kindOfHost(url.hostname)
  if (kind === 'metadata') {
    return { rejected: 'is a link-local or metadata address', advice: 'No model is served there.' }
  }
  if (url.protocol === 'http:' && kind === 'public' && !allowInsecureHttp) {
    const advice = 'Write https://, or set "allow_insecure_http": true for this account.'
    return { rejected: 'would send keys and prompts unencrypted to a public host', advice }
  }
  const path = url.pathname.replace(/\/+$/, '').replace(PLATFORMS[platform].versionPath, '').replace(/\/+$/, '')
  return { url: url.origin + path }
}
