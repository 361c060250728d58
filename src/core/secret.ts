/**
 * Values that must never be printed, and the comparison of many of them in constant time.
 */
import { hash, timingSafeEqual } from 'node:crypto'

/** A credential. Printing, JSON and string conversion show a mask; only `reveal()` gives the text. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The clear text, for a request header and nothing else. */
  reveal(): string {
    return this.#text
  }

  /** First three and last two characters of a long secret, nothing of a short one. */
  toString(): string {
    return this.#text.length > 12 ? `${this.#text.slice(0, 3)}***${this.#text.slice(-2)}` : '***'
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Secret(${this.toString()})`
  }
}

/** SHA-256 of `text`, the form in which tokens are compared and used as keys. */
export function digest(text: string): Buffer {
  // In one call: an object that is fed and then asked costs half as much again.
  return hash('sha256', text, 'buffer')
}

/**
 * A matcher over many tokens. `find` returns the position of the token that equals `candidate`, or -1; it compares
 * digests of equal length and always visits every token, so its time tells nothing about them.
 */
export function createTokenMatcher(tokens: readonly string[]): { find(candidate: string): number } {
  const digests = tokens.map(digest)
  return {
    find(candidate) {
      const presented = digest(candidate)
      let found = -1
      for (const [position, expected] of digests.entries()) {
        const equal = timingSafeEqual(presented, expected)
        if (equal && found < 0) found = position
      }
      return found
    },
  }
}
