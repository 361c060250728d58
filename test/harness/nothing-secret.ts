/**
 * The grep for secrets that every test with a whole relay ends in: plain, percent-encoded, base64 at any offset, hex.
 */

/** Tokens of the fake identity provider begin like this, whichever account they belong to. */
const TOKEN_OF_IDENTITY = /secret-[ra]t-/
/** Shorter ones are words that tests use for keys nobody looks for. */
const SHORTEST = 8

/** Throws when `text` holds a secret in any form; the error does not repeat it. */
export function assertNothingSecret(text: string, secrets: readonly string[]): void {
  const found = [TOKEN_OF_IDENTITY.exec(text)?.index ?? -1]
  for (const secret of new Set(secrets)) {
    if (secret.length >= SHORTEST) found.push(...formsOf(secret).map((form) => text.indexOf(form)))
  }
  const at = found.find((position) => position >= 0)
  if (at === undefined) return
  const line = text.slice(text.lastIndexOf('\n', at) + 1, at)
  throw new Error(`a secret was written behind: ${line.slice(-200)}`)
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  // Within a longer text the first and last characters of base64 depend on the neighbours.
  const shifted = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(shift === 0 ? 0 : shift + 1, -1),
  )
  return [secret, encodeURIComponent(secret), bytes.toString('hex'), ...shifted, ...shifted.map(toUrlForm)]
}

function toUrlForm(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_')
}
