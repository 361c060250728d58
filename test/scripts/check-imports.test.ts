/**
 * Every rule of the import check, broken once. Each case is a sound little tree plus one file that is out of place.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const script = new URL('../../scripts/check-imports.mjs', import.meta.url)
const { findBreaches } = (await import(script.href)) as { findBreaches: (root: string) => string[] }

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const SOUND_TREE = {
  'cli.ts': "const { serve } = await import('./cli/serve.ts')\nawait serve(process.env['PORT'])",
  'cli/serve.ts': [
    "import { loadConfig } from '../config/load.ts'",
    "import { createApp } from '../http/app.ts'",
    'export const serve = async (port?: string) => createApp(loadConfig(port), Date.now())',
  ].join('\n'),
  'config/config.ts': 'export interface RelayConfig { port: number }\nexport const DEFAULT_PORT = 8080',
  'config/load.ts':
    "import { readFileSync } from 'node:fs'\nimport * as v from 'valibot'\nexport const loadConfig = () => v",
  'core/clock.ts': 'export const now = () => Date.now()\nexport const timer = setTimeout',
  'core/version.ts': "import packageJson from '../../package.json' with { type: 'json' }",
  'http/app.ts': [
    "import { Hono } from 'hono/tiny'",
    "import type { RelayConfig } from '../config/config.ts'",
    "import { relay } from '../relay/relay.ts'",
    'export const createApp = (config: RelayConfig) => new Hono()',
  ].join('\n'),
  'io/upstream.ts': "import { request } from 'undici'\nimport { now } from '../core/clock.ts'",
  'pool/pool.ts':
    "import { type Order } from '../strategies/index.ts'\nexport const until = (clock: { setTimeout: number }) => clock.setTimeout",
  'relay/relay.ts': "import type { IncomingMessage } from 'node:http'\nimport { until } from '../pool/pool.ts'",
  'strategies/index.ts':
    "import { now } from '../core/clock.ts'\nexport type Order = ReturnType<typeof setTimeout> | number",
}

const SETTINGS = '../config/config.ts'
const DISK = 'cli.ts, cli/, config/, usage/journal.ts, usage/read-journal.ts, io/debug-log.ts'
const CLOCK = 'cli.ts, cli/, core/clock.ts'

function plant(extra: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'imports-'))
  folders.push(root)
  for (const [path, text] of Object.entries({ ...SOUND_TREE, ...extra })) {
    const file = join(root, 'src', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return root
}

test('a sound tree has no breaches', () => {
  expect(findBreaches(plant({}))).toEqual([])
})

/** The rule, the file that breaks it, its text, and what is said about it behind `src/<file>:`. */
const BREACHES = [
  ['imports go down', 'pool/a.ts', "import '../relay/relay.ts'", '1: pool/ may not import relay/relay.ts'],
  ['core knows nobody', 'core/a.ts', "\nexport * from '../io/a.ts'", '2: core/ may not import io/a.ts'],
  ['dynamic imports count', 'relay/a.ts', "\nawait import('../http/a.ts')", '2: relay/ may not import http/a.ts'],
  ['type imports count', 'core/a.ts', "import type { A } from '../io/a.ts'", '1: core/ may not import io/a.ts'],
  ['inline types count', 'core/a.ts', "type A = import('../io/a.ts').A", '1: core/ may not import io/a.ts'],
  [
    'settings are types',
    'http/a.ts',
    `import { A } from '${SETTINGS}'`,
    '1: http/ may import only types from config/config.ts',
  ],
  [
    'settings are for some',
    'io/a.ts',
    `import { type A } from '${SETTINGS}'`,
    '1: io/ may not import config/config.ts',
  ],
  ['settings are ready', 'http/a.ts', "import '../config/load.ts'", '1: http/ may not import config/load.ts'],
  [
    'imports are literal',
    'cli/a.ts',
    'await import(name)',
    '1: a computed path has no home in scripts/import-rules.mjs',
  ],
  ['hono stays at the edge', 'relay/a.ts', "import 'hono/streaming'", '1: hono belongs to http/'],
  ['undici has one home', 'io/a.ts', "import 'undici'", '1: undici belongs to io/upstream.ts, io/undici-parts.d.ts'],
  ['yaml is for files', 'pool/a.ts', "import 'yaml'", '1: yaml belongs to config/, cli/schema.ts, cli/import.ts'],
  ['commander is for argv', 'http/a.ts', "import 'commander'", '1: commander belongs to cli.ts, cli/'],
  ['packages need a home', 'core/a.ts', "import '@a/b/c.js'", '1: @a/b has no home in scripts/import-rules.mjs'],
  ['node modules say so', 'cli/a.ts', "import 'path'", '1: path has no home in scripts/import-rules.mjs'],
  ['the disk has few users', 'http/a.ts', "import 'node:fs'", `1: node:fs belongs to ${DISK}`],
  ['protocols are pure', 'protocols/a.ts', "import 'node:crypto'", '1: protocols/ may not import node:crypto'],
  [
    'one reads our name',
    'io/a.ts',
    "import '../../package.json'",
    '1: ../package.json belongs to cli.ts, cli/, core/version.ts',
  ],
  ['one reads the time', 'pool/a.ts', '\nDate.now() - at', `2: Date.now belongs to ${CLOCK}`],
  ['a new Date is time', 'io/a.ts', 'new Date().toISOString()', `1: new Date() belongs to ${CLOCK}`],
  ['performance is time', 'relay/a.ts', '// „Zeit“ 🕰\nperformance.now()', `2: performance.now belongs to ${CLOCK}`],
  ['chance is chance', 'strategies/a.ts', 'const pick = Math.random', `1: Math.random belongs to ${CLOCK}`],
  ['timers are time', 'io/a.ts', 'promisify(setTimeout)', `1: setTimeout belongs to ${CLOCK}`],
  ['globalThis hides nothing', 'io/a.ts', 'globalThis.setInterval(tick)', `1: setInterval belongs to ${CLOCK}`],
  ['no other timers', 'io/a.ts', "import 'node:timers/promises'", `1: node:timers/promises belongs to ${CLOCK}`],
  ['environment is config', 'io/a.ts', "process.env['LOG']", '1: process.env belongs to cli.ts, cli/, config/'],
  ['one exit', 'cli/a.ts', 'process.exit(1)', '1: process.exit belongs to cli.ts'],
  ['one way to upstreams', 'providers/a.ts', 'const get = () => fetch(url)', '1: fetch belongs to no file at all'],
  ['modules keep no state', 'usage/a.ts', '\nexport let total = 0', '2: a module keeps no state: no let out here'],
  ['pages bring nothing', 'http/page/browser/a.ts', "import 'hono'", '1: hono does not exist in a browser'],
  [
    'pages know shapes',
    'http/page/browser/a.ts',
    "import '../../views.ts'",
    '1: http/page/browser/ may import only types from http/views.ts',
  ],
  [
    'pages know no more',
    'http/page/browser/a.ts',
    "import type { A } from '../../app.ts'",
    '1: http/page/browser/ may not import http/app.ts',
  ],
  ['pages stay there', 'http/a.ts', "import './page/browser/a.ts'", '1: http/page/browser/a.ts runs in a browser'],
  ['names say something', 'core/json/utils.ts', '', '1: "utils" does not say what is inside'],
  ['floors are known', 'services/a.ts', '', '1: services/ is no floor of the house'],
] as const

test.each(BREACHES)('%s', (_rule, path, text, breach) => {
  expect(findBreaches(plant({ [path]: text }))).toEqual([`src/${path}:${breach}`])
})

test('a page has the globals of a browser', () => {
  const text = "import type { View } from '../../views.ts'\nsetTimeout(() => fetch(`/status?${Date.now()}`))"
  expect(findBreaches(plant({ 'http/page/browser/a.ts': text }))).toEqual([])
})

test('a circle is shown once, with its way', () => {
  const root = plant({
    'pool/a.ts': "import { b } from './b.ts'",
    'pool/b.ts': "import { c } from './c.ts'",
    'pool/c.ts': "import type { a } from './a.ts'",
  })
  expect(findBreaches(root)).toEqual([
    'src/pool/c.ts:1: imports in a circle: pool/a.ts > pool/b.ts > pool/c.ts > pool/a.ts',
  ])
})

test('the command prints the breaches in order and fails', () => {
  const root = plant({ 'core/b.ts': 'let later = 0', 'core/a.ts': 'let first = 0' })
  const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(script), root], { encoding: 'utf8' })
  expect(stdout).toBe(
    'src/core/a.ts:1: a module keeps no state: no let out here\n' +
      'src/core/b.ts:1: a module keeps no state: no let out here\n',
  )
  expect(status).toBe(1)
})

test('the command is silent about a sound tree and succeeds', () => {
  const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(script), plant({})], { encoding: 'utf8' })
  expect(stdout).toBe('')
  expect(status).toBe(0)
})
