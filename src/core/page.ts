/**
 * The pages people see during a sign-in: static text, everything that came from outside escaped, nothing that runs.
 */

export interface Page {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** `title` and `text` may hold anything: they are escaped. */
export function renderPage(title: string, text: string): Page {
  const body = Buffer.from(
    [
      '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
      `<title>${escapeHtml(title)}</title>`,
      '<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}</style>',
      `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p></html>\n`,
    ].join(''),
  )
  return { headers: { ...SAFE_HEADERS, 'content-length': String(body.length) }, body }
}

/** No script, no frame, no referrer that would carry a code or state on, nothing kept in a cache. */
const SAFE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
}
