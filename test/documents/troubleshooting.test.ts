/**
 * docs/troubleshooting.md explains sentences that the program says, and none that it does not.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { repository } from './fences.ts'

const page = readFileSync(`${repository}docs/troubleshooting.md`, 'utf8')
const sentences = [...page.matchAll(/^\| `(.+?)` \|/gm)].map(([, sentence = '']) => sentence)

/** What the program is made of. */
const sources = [
  ...readdirSync(`${repository}src`, { recursive: true, encoding: 'utf8' }).map((path) => `src/${path}`),
  'bin/sub2api-simple.js',
]
  .filter((path) => /\.[jt]s$/.test(path))
  .map((path) => readFileSync(repository + path, 'utf8'))
  .join('\n')

test.each(sentences)('somebody can see: %s', (sentence) => {
  // A text of the source, in which anything may stand for a dot of ours.
  const [first = '', ...rest] = sentence.split('…').map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp([first, ...rest].join(String.raw`\s*\$\{[^}]+\}\s*`))
  expect(pattern.test(sources)).toBe(true)
})

test('they are many, and none is told twice', () => {
  expect(sentences.length).toBeGreaterThan(30)
  expect(new Set(sentences).size).toBe(sentences.length)
})
