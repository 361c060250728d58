/**
 * Headers as they stand on the wire: ordered, with their case, the same name as often as a test likes.
 */

export type Header = readonly [name: string, value: string]

/** How tests write headers; the values of a list become lines of their own. */
export type HeaderValues = Readonly<Record<string, string | readonly string[]>>

/** `changes` take the place of equal names (case ignored) and stand behind the rest. */
export function mergeHeaders(headers: readonly Header[], changes: HeaderValues): Header[] {
  const changed = new Set(Object.keys(changes).map((name) => name.toLowerCase()))
  const added = Object.entries(changes).flatMap(([name, value]) => [value].flat().map((one): Header => [name, one]))
  return [...headers.filter(([name]) => !changed.has(name.toLowerCase())), ...added]
}

/** The head of a message, from its start line to the blank line. */
export function encodeHead(startLine: string, headers: readonly Header[]): string {
  return `${[startLine, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`
}

/** Names in lower case; the values of equal names joined by a comma, as RFC 9110 section 5.3 allows. */
export function mapHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const map: Record<string, string> = Object.create(null)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    const value = rawHeaders[i + 1] as string
    map[name] = map[name] === undefined ? value : `${map[name]}, ${value}`
  }
  return map
}
