/**
 * From the name a client asks for to the names that may be served instead.
 */
import { mostSpecific } from '../core/match.ts'

/**
 * The names to try, in order. The client token's map is asked first, then the global one on what it gave; a list is a
 * chain of fallbacks. A name that no map knows stands for itself.
 */
export function modelChain(
  asked: string,
  ofToken: ReadonlyMap<string, readonly string[]>,
  global: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  if (ofToken.size === 0 && global.size === 0) return [asked]
  const first = mostSpecific(ofToken, asked) ?? [asked]
  const chain = first.flatMap((name) => mostSpecific(global, name) ?? [name])
  return [...new Set(chain)]
}
