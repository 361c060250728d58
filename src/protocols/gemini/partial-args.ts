/**
 * Arguments of a call that Vertex streams in pieces: each names a place in the object and what stands there.
 * Source: Vertex AI, "Streaming function call arguments" (`partialArgs`, `willContinue`).
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { objectsAt, textAt } from '../members.ts'

/** Enters the pieces of one chunk into `args`. Text pieces of one place are joined; `open` remembers unfinished ones. */
export function addPartialArgs(args: JsonObject, open: Map<string, string[]>, call: JsonObject): void {
  for (const piece of objectsAt(call, 'partialArgs')) {
    const path = textAt(piece, 'jsonPath')
    const steps = path.match(/[^.[\]'"$]+/g) ?? []
    if (steps.length === 0 || steps.some((step) => UNSAFE.has(step))) continue
    if (typeof piece['stringValue'] === 'string') {
      const pieces = open.get(path) ?? []
      pieces.push(piece['stringValue'])
      open.set(path, pieces)
      if (piece['willContinue'] === true) continue
      open.delete(path)
      setAt(args, steps, pieces.join(''))
    } else {
      setAt(args, steps, piece['numberValue'] ?? piece['boolValue'] ?? null)
    }
  }
}

const UNSAFE = new Set(['__proto__', 'constructor', 'prototype'])

function setAt(root: JsonObject, steps: readonly string[], value: JsonValue): void {
  let place: JsonObject | JsonValue[] = root
  for (const [i, step] of steps.entries()) {
    const index: string | number = Array.isArray(place) ? Number(step) : step
    const container = place as Record<string | number, JsonValue>
    if (i === steps.length - 1) {
      container[index] = value
      return
    }
    const inner: JsonValue | undefined = container[index]
    const next: JsonObject | JsonValue[] =
      isJsonObject(inner) || Array.isArray(inner) ? inner : /^[0-9]+$/.test(steps[i + 1] as string) ? [] : {}
    container[index] = next
    place = next
  }
}
