/**
 * A terminal's other screen, drawn in place and given back as it was, whatever ends the program.
 */
import type { ReadStream, WriteStream } from 'node:tty'

export interface Screen {
  readonly width: number
  readonly height: number
  /** Shows these lines and nothing else. */
  draw(lines: readonly string[]): void
  /** Gives the terminal back. Idempotent. */
  close(): void
}

export interface ScreenEvents {
  /** The window has another size. */
  readonly onResize: () => void
  /** Somebody pressed q or Ctrl-C, or asked the program to end. */
  readonly onQuit: () => void
}

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
/** Terminals that know it show a frame at once; the others pass it by. */
const HOLD = '\u001b[?2026h'
const SHOW = '\u001b[?2026l'
const QUIT = /[qQ\u0003\u0004]/
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function openScreen(output: WriteStream, input: ReadStream, { onResize, onQuit }: ScreenEvents): Screen {
  let isOpen = true
  const read = (data: Buffer): void => {
    if (QUIT.test(data.toString('latin1'))) onQuit()
  }
  const close = (): void => {
    if (!isOpen) return
    isOpen = false
    output.off('resize', onResize)
    process.off('exit', close)
    for (const signal of SIGNALS) process.off(signal, onQuit)
    if (input.isTTY) input.setRawMode(false)
    input.off('data', read)
    input.pause()
    output.write(LEAVE)
  }
  output.on('resize', onResize)
  // An error that nobody catches, too, must not leave a terminal without a cursor.
  process.on('exit', close)
  for (const signal of SIGNALS) process.on(signal, onQuit)
  if (input.isTTY) {
    // What is typed must not appear between the lines.
    input.setRawMode(true)
    input.on('data', read)
    input.resume()
  }
  output.write(ENTER)
  return {
    get width() {
      return output.columns
    },
    get height() {
      return output.rows
    },
    draw(lines) {
      if (!isOpen) return
      const shown = lines.slice(0, output.rows).map((line) => line + CLEAR_LINE)
      output.write(`${HOLD}${HOME}${shown.join('\r\n')}${CLEAR_BELOW}${SHOW}`)
    },
    close,
  }
}
