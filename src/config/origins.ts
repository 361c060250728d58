/**
 * The origins of web pages that may call the relay, in the form in which browsers send them.
 */
import type { Report } from './report.ts'

/** Browsers send scheme, host and port, no path (RFC 6454 section 6.2). Anything else is an error with its place. */
export function readOrigins(written: readonly string[], report: Report): string[] {
  return written.flatMap((text, position) => {
    const path = ['cors_origins', position]
    const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null
    if (url === null || url.origin === 'null' || !['', '/'].includes(url.pathname) || url.search !== '') {
      report.error(path, 'must be the origin of a web page', 'Write scheme and host, as in "https://chat.example".')
      return []
    }
    return [url.origin]
  })
}
