/**
 * One question on a terminal, whose answer may be a secret: what is typed shows as dots.
 */
import type { ReadStream } from 'node:tty'

/** Where a question is asked, when there is somebody to answer. */
export interface Terminal {
  readonly input: ReadStream
  readonly write: (text: string) => void
}

/** Whoever is asked pressed Ctrl-C or closed the terminal. */
class NoAnswer extends Error {
  constructor() {
    super('nothing was written')
    this.name = 'NoAnswer'
  }
}

/** Null where nobody can answer: input or messages go to a file or a pipe. */
export function openTerminal(): Terminal | null {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null
  return { input: process.stdin, write: (text) => void process.stderr.write(text) }
}

/** The trimmed answer, empty for Enter alone. Rejects with NoAnswer. The terminal is left as it was. */
export function ask(question: string, { input, write }: Terminal): Promise<string> {
  return new Promise((resolve, reject) => {
    const typed: string[] = []
    const end = (conclude: () => void): void => {
      input.off('data', read)
      input.off('end', giveUp)
      input.setRawMode(false)
      // Whoever comes next reads from the terminal itself.
      input.pause()
      write('\n')
      conclude()
    }
    const giveUp = (): void => end(() => reject(new NoAnswer()))
    const read = (data: Buffer): void => {
      for (const character of withoutSequences(data.toString('utf8'))) {
        if (character === '\r' || character === '\n') return end(() => resolve(typed.join('').trim()))
        if (character === CTRL_C || (character === CTRL_D && typed.length === 0)) return giveUp()
        if (character === BACKSPACE || character === DELETE) {
          if (typed.pop() !== undefined) write(RUB_OUT)
        } else if (character === CTRL_U) {
          write(RUB_OUT.repeat(typed.splice(0).length))
        } else if (character >= ' ' && typed.length < LONGEST_ANSWER) {
          typed.push(character)
          write('•')
        }
      }
    }
    // Before the question: whoever answers at once must not see the answer echoed.
    input.setRawMode(true)
    input.on('data', read)
    input.once('end', giveUp)
    input.resume()
    write(question)
  })
}

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const CTRL_U = '\u0015'
const BACKSPACE = '\b'
const DELETE = '\u007f'
const RUB_OUT = '\b \b'
const LONGEST_ANSWER = 4096

/** Arrow keys, and the marks that some terminals put around pasted text. */
function withoutSequences(text: string): string {
  return text.replaceAll(/\u001b(?:\[[0-9;]*[A-Za-z~]|O?.)/g, '')
}
