/**
 * Writes log lines a turn of the event loop at a time: under load a line for each request would be a system call for each.
 */
export interface LineWriter {
  write(line: string): void
  /** Writes at once what is still held: before the process ends nothing else would. */
  flush(): void
}

export function createLineWriter(output: (text: string) => void): LineWriter {
  let held = ''

  function flush(): void {
    const text = held
    held = ''
    if (text !== '') output(text)
  }

  return {
    write(line) {
      if (held === '') setImmediate(flush)
      held += line
    },
    flush,
  }
}
