/**
 * ARCHITECTURE.md describes the house that is there: its map, its folders, and every file that it names.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { repository } from './fences.ts'

const page = readFileSync(`${repository}ARCHITECTURE.md`, 'utf8')
const { withSourceTree } = (await import(new URL('../../scripts/docs/source-tree.mjs', import.meta.url).href)) as {
  withSourceTree: (page: string, source: string) => string
}

test('the map of src/ is the tree on the disk; renew it with: npm run docs', () => {
  expect(page).toBe(withSourceTree(page, `${repository}src`))
})

test('every file begins with a sentence for the map', () => {
  const silent = [...page.matchAll(/^ +(\S+\.(?:ts|js|css))$/gm)].map(([, name]) => name)
  expect(silent).toEqual([])
})

test('the folders around it are there, and none is missing', () => {
  const told = [...page.matchAll(/^\| `(\w+)\/` \|/gm)].map(([, name = '']) => name)
  const hidden = /^\.|^node_modules$|^dist$|^bench-profiles$/
  const folders = readdirSync(repository, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const there = folders.map(({ name }) => name).filter((name) => !hidden.test(name))
  expect(told.filter((name) => name !== 'dist')).toEqual(there.toSorted())
})

test('the folders of test/ are those of src/, and those that it names', () => {
  const named = [...page.matchAll(/^\| `test\/(\w+)\/` \|/gm)].map(([, name = '']) => name)
  const folders = readdirSync(`${repository}test`, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const own = folders.map(({ name }) => name).filter((name) => !existsSync(`${repository}src/${name}`))
  expect(named).toEqual(own.toSorted())
})

test('every file that it names is there', () => {
  const text = page.slice(0, page.indexOf('## The map'))
  const names = [...text.matchAll(/`([\w*/-]+\.(?:ts|mjs|md))`/g)].map(([, name = '']) => name)
  const isThere = (name: string): boolean =>
    ['', 'src/'].some((top) => existsSync(repository + top + name.replace('*/', 'gemini/').replace('*', 'gemini')))
  expect(names.filter((name) => !isThere(name) && name !== 'index.ts')).toEqual([])
})
