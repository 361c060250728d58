/**
 * Stop sequences for vendors that know none: watches the text on its way and ends the answer where one begins.
 */
import type { Delta } from './hub.ts'

/** The deltas that may pass; once a sequence was seen the last one is `finish` and nothing follows. */
export type StopWatch = (deltas: readonly Delta[]) => Delta[]

/** `stops` are not empty. Text that may be the beginning of one is held until it is known. */
export function createStopWatch(stops: readonly string[]): StopWatch {
  let isOver = false
  let held = ''
  let openKey: string | null = null

  function watchText(key: string, text: string, out: Delta[]): void {
    openKey = key
    const seen = held + text
    const found = earliest(seen, stops)
    if (found !== null) {
      isOver = true
      const before = seen.slice(0, found.at)
      if (before !== '') out.push({ type: 'text-delta', key, text: before })
      out.push({ type: 'text-end', key }, { type: 'finish', reason: 'stop_sequence', stopSequence: found.stop })
      return
    }
    const keep = possibleStart(seen, stops)
    const passing = seen.slice(0, seen.length - keep)
    held = seen.slice(seen.length - keep)
    if (passing !== '') out.push({ type: 'text-delta', key, text: passing })
  }

  function release(out: Delta[]): void {
    if (held !== '' && openKey !== null) out.push({ type: 'text-delta', key: openKey, text: held })
    held = ''
  }

  return (deltas) => {
    const out: Delta[] = []
    for (const delta of deltas) {
      if (isOver) break
      if (delta.type === 'text-delta') watchText(delta.key, delta.text, out)
      else {
        // Counts say nothing about the text, and may come in between.
        if (delta.type !== 'usage') release(out)
        out.push(delta)
      }
    }
    return out
  }
}

function earliest(text: string, stops: readonly string[]): { at: number; stop: string } | null {
  let first: { at: number; stop: string } | null = null
  for (const stop of stops) {
    const at = stop === '' ? -1 : text.indexOf(stop)
    if (at >= 0 && (first === null || at < first.at)) first = { at, stop }
  }
  return first
}

/** How many characters at the end may be the beginning of a stop sequence. */
function possibleStart(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1))
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const tail = text.slice(text.length - length)
    if (stops.some((stop) => stop.startsWith(tail))) return length
  }
  return 0
}
