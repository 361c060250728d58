/**
 * The one line that says what an action did, or that the relay went away and came back. Screen readers hear it; numbers
 * that change are not announced.
 */
import { byId, setText } from './parts.ts'

const SHOWN_MS = 8_000

export type Announce = (text: string, isBad?: boolean) => void

export function createAnnouncer(): Announce {
  const line = byId('announcement')
  let timer = 0
  return (text, isBad = false) => {
    clearTimeout(timer)
    setText(line, text)
    line.classList.toggle('bad', isBad)
    line.classList.add('shown')
    timer = setTimeout(() => line.classList.remove('shown'), SHOWN_MS)
  }
}
