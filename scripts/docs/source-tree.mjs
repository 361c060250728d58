/**
 * The map of src/ in ARCHITECTURE.md: every file with the first sentence of its own opening comment.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const BEGIN = '<!-- The map is made of the sources: npm run docs -->\n\n```text\n'
const END = '```\n'

/** In: the page, and the folder src/. Out: the page with the map as it is now. Throws when the page has no place for it. */
export function withSourceTree(page, source) {
  const start = page.indexOf(BEGIN)
  if (start < 0) throw new Error('ARCHITECTURE.md has no place for the map of src/')
  const end = page.indexOf(END, start + BEGIN.length)
  return `${page.slice(0, start)}${BEGIN}${linesOf(source, 'src/', '').join('\n')}\n${page.slice(end)}`
}

/** Files first, then folders, both by name. */
function linesOf(folder, title, indent) {
  const entries = readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const files = entries.filter((entry) => entry.isFile())
  const width = Math.max(0, ...files.map(({ name }) => name.length))
  return [
    `${indent}${title}`,
    ...files.map(({ name }) => `${indent}  ${name.padEnd(width)}  ${purposeOf(join(folder, name))}`.trimEnd()),
    ...entries
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => linesOf(join(folder, name), `${name}/`, `${indent}  `)),
  ]
}

const LONGEST = 110

/** The first sentence of the comment a file begins with; a long one without what follows its colon. */
function purposeOf(file) {
  const [, comment = ''] = /^(?:\/\*\*?)([^]*?)\*\//.exec(readFileSync(file, 'utf8')) ?? []
  const text = comment
    .replace(/^\s*\* ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  const sentence = /^.*?(?=\.(?: |$))/.exec(text)?.[0] ?? text
  return sentence.length <= LONGEST ? sentence : (/^.{30,}?(?=[:;,] )/.exec(sentence)?.[0] ?? sentence)
}
