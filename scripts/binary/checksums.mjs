/**
 * The text of a SHA256SUMS file, as `sha256sum --check` reads it.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** In: paths of files in one folder. Out: one line per file. */
export function createChecksums(files) {
  return files.map((file) => `${sha256(file)}  ${basename(file)}\n`).join('')
}

function sha256(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
