/**
 * The status page at `/`. It holds no data and no secret, so whoever reaches the port may have it; what it shows it asks
 * of `/admin/status`, which decides for itself who may know. A browser cannot send a token with an address.
 */
import type { IncomingMessage } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { App } from './door.ts'

export function addPageRoutes(app: App): void {
  app.get('/', async ({ env: { incoming, outgoing } }, next) => {
    // Clients ask the same address whether somebody is there, and want a short answer.
    if (incoming.method === 'HEAD' || !wantsPage(incoming)) return next()
    const { html, hashes } = await import('./page/page.html')
    outgoing
      .writeHead(200, {
        ...HEADERS,
        'content-security-policy': policyFor(hashes),
        'content-length': Buffer.byteLength(html),
      })
      .end(html)
    return RESPONSE_ALREADY_SENT
  })
}

function wantsPage({ headers }: IncomingMessage): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? '')
}

/** Nothing but this very style and script, no address but this one's, no text that becomes markup. */
function policyFor({ style, script }: { readonly style: string; readonly script: string }): string {
  return [
    "default-src 'none'",
    `style-src '${style}'`,
    `script-src '${script}'`,
    "connect-src 'self'",
    // The icon in the tab is part of the page.
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const
