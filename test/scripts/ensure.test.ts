/**
 * What a newcomer's first `npm start` does before it starts, played in a small checkout with a stand-in for npm and for
 * the bundler that only note that they were called.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

let checkout: string

/** A checkout that is ready: all is two days old, and installed and built yesterday. Each test takes something away. */
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'checkout-'))
  write('package.json', JSON.stringify({ type: 'module', engines: { node: '>=20.18.1' } }))
  write('package-lock.json', lockOf({ hono: '4.0.0' }))
  write('src/core/clock.ts', '')
  write('src/cli.ts', '')
  write('scripts/build.mjs', BUNDLER)
  const sources = ['package.json', 'package-lock.json', 'src/core/clock.ts', 'src/cli.ts', 'src/core', 'src']
  for (const path of [...sources, 'scripts/build.mjs']) age(path, 2)
  write('node_modules/.package-lock.json', lockOf({ hono: '4.0.0' }))
  write('dist/cli.js', '')
  age('dist/cli.js', 1)

  copyFileSync(
    fileURLToPath(new URL('../../scripts/ensure.mjs', import.meta.url)),
    join(checkout, 'scripts/ensure.mjs'),
  )
  write('stand-in/npm-cli.js', NPM)
  write('stand-in/calls.txt', '')
  mkdirSync(join(checkout, 'tmp'))
})
afterEach(() => rmSync(checkout, { recursive: true }))

const BUNDLER = `
  import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
  appendFileSync('stand-in/calls.txt', 'build\\n')
  mkdirSync('dist', { recursive: true })
  writeFileSync('dist/cli.js', '')`

/** Like npm, it writes the record of what it installed, and writes it last. NPM_MOOD makes it fail, or kill its caller. */
const NPM = `
  import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs'
  appendFileSync('stand-in/calls.txt', 'npm ' + process.argv[2] + '\\n')
  console.error('npm warn EBADENGINE Unsupported engine')
  if (process.env.NPM_MOOD === 'failing') process.exit(1)
  if (process.env.NPM_MOOD === 'deadly') process.kill(process.ppid, 'SIGKILL')
  else {
    mkdirSync('node_modules', { recursive: true })
    copyFileSync('package-lock.json', 'node_modules/.package-lock.json')
  }`

test('a checkout that is ready costs nothing and hears nothing', () => {
  expect(ensure()).toMatchObject({ status: 0, stdout: '', stderr: '' })
  expect(calls()).toEqual([])
})

test('a fresh clone gets its dependencies and a build, and hears one line about each', () => {
  remove('node_modules', 'dist')
  const { status, stderr } = ensure()
  expect(calls()).toEqual(['npm ci', 'build'])
  expect(stderr).toBe('sub2api-simple: installing dependencies …\nsub2api-simple: building …\n')
  expect(status).toBe(0)
})

test('a pull that changes the lock file brings the new dependencies and a new build', () => {
  write('package-lock.json', lockOf({ hono: '4.0.1' }))
  ensure()
  expect(calls()).toEqual(['npm ci', 'build'])
})

test('an install that broke off, or left out the development packages, is done again', () => {
  write('node_modules/.package-lock.json', lockOf({}))
  ensure()
  expect(calls()).toEqual(['npm ci'])
})

test('a binary for another platform is not missed', () => {
  write('package-lock.json', lockOf({ hono: '4.0.0' }, { 'node_modules/rolldown-for-mars': { optional: true } }))
  age('package-lock.json', 2)
  ensure()
  expect(calls()).toEqual([])
})

const CHANGES: Array<[change: string, make: () => void]> = [
  ['a changed source', () => write('src/core/clock.ts', 'changed')],
  ['a new source', () => write('src/core/json.ts', '')],
  ['a deleted source', () => remove('src/core/clock.ts')],
  ['a changed bundler', () => write('scripts/build.mjs', BUNDLER)],
  ['a deleted build', () => remove('dist')],
]

test.each(CHANGES)('%s means a new build, and no install', (_change, make) => {
  make()
  ensure()
  expect(calls()).toEqual(['build'])
})

test('two at once do the work once', async () => {
  remove('node_modules', 'dist')
  const both = [start(), start()]
  expect(await Promise.all(both.map((child) => once(child, 'close')))).toEqual([
    [0, null],
    [0, null],
  ])
  expect(calls()).toEqual(['npm ci', 'build'])
})

test('one that was killed in the middle of its install does not block the next', () => {
  remove('node_modules', 'dist')
  expect(ensure({ NPM_MOOD: 'deadly' }).signal).toBe('SIGKILL')
  expect(ensure().status).toBe(0)
  expect(calls()).toEqual(['npm ci', 'npm ci', 'build'])
})

test('an install that fails shows what npm said, and nothing is built', () => {
  remove('node_modules', 'dist')
  const { status, stderr } = ensure({ NPM_MOOD: 'failing' })
  expect(stderr).toContain('npm warn EBADENGINE Unsupported engine\nsub2api-simple: installing dependencies failed\n')
  expect(status).toBe(1)
  expect(calls()).toEqual(['npm ci'])
})

test('an old Node is refused with one sentence', () => {
  const { status, stderr } = ensure({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PRETEND_NODE_18)}`,
  })
  expect(stderr).toBe('sub2api-simple needs Node 20.18.1 or newer; this is 18.20.4.\n')
  expect(status).toBe(1)
  expect(calls()).toEqual([])
})

const PRETEND_NODE_18 = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } })`

function ensure(environment: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, ['scripts/ensure.mjs'], { ...settings(environment), encoding: 'utf8' })
}

function start() {
  return spawn(process.execPath, ['scripts/ensure.mjs'], { ...settings({}), stdio: 'ignore' })
}

function settings(environment: NodeJS.ProcessEnv) {
  const standIns = { npm_execpath: join(checkout, 'stand-in/npm-cli.js'), TMPDIR: join(checkout, 'tmp') }
  return { cwd: checkout, env: { ...process.env, ...standIns, ...environment } }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(checkout, path)), { recursive: true })
  writeFileSync(join(checkout, path), text)
}

function remove(...paths: string[]): void {
  for (const path of paths) rmSync(join(checkout, path), { recursive: true })
}

function lockOf(versions: Record<string, string>, others: Record<string, object> = {}): string {
  const packages = Object.entries(versions).map(([name, version]) => [`node_modules/${name}`, { version }])
  return JSON.stringify({ packages: { '': {}, ...Object.fromEntries(packages), ...others } })
}

/** Moves the time of the last change back. */
function age(path: string, days: number): void {
  const changedAt = new Date(Date.now() - days * 86_400_000)
  utimesSync(join(checkout, path), changedAt, changedAt)
}

function calls(): string[] {
  return readFileSync(join(checkout, 'stand-in/calls.txt'), 'utf8').split('\n').filter(Boolean)
}
