/**
 * The documents and their fenced blocks. A block of commands is run by a test as it stands, unless its first line says
 * why not: `sh not run: it needs root`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const repository = fileURLToPath(new URL('../../', import.meta.url))

/** Everything a reader may follow, relative to the repository. */
export const DOCUMENTS: readonly string[] = [
  ...readdirSync(repository),
  ...readdirSync(`${repository}docs`, { recursive: true, encoding: 'utf8' }).map((path) => `docs/${path}`),
]
  .filter((path) => path.endsWith('.md'))
  .toSorted()

export interface Fence {
  readonly document: string
  /** Of the line that opens it, from 1. */
  readonly line: number
  /** The first word behind the fence; empty when there is none. */
  readonly language: string
  /** What stands behind the language. */
  readonly remark: string
  readonly text: string
}

export function fencesOf(document: string): Fence[] {
  const text = readFileSync(repository + document, 'utf8')
  return [...text.matchAll(/^```(\S*) ?(.*)\n([^]*?)^```$/gm)].map((match) => {
    const [, language = '', remark = '', block = ''] = match
    return { document, line: text.slice(0, match.index).split('\n').length, language, remark, text: block }
  })
}
