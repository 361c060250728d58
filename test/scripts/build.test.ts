/**
 * What the bundler promises about dist/, on a command line of three files.
 */
import { execFile, type ExecFileException } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const repository = fileURLToPath(new URL('../..', import.meta.url))
let project: string

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'project-'))
  cpSync(join(repository, 'scripts'), join(project, 'scripts'), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(project, 'node_modules'), 'dir')
  write('package.json', '{ "type": "module" }')
  write('src/cli.ts', "const { greet } = await import('./cli/greet.ts')\ngreet(process.argv[2] ?? '')")
  write(
    'src/cli/greet.ts',
    "import { shout } from '../core/shout.ts'\nexport const greet = (name: string) => shout(`hello ${name}`)",
  )
  write(
    'src/core/shout.ts',
    "import { parse } from 'yaml'\nexport const shout = (text: string) => console.log(parse(text).toUpperCase())",
  )
})
afterEach(() => rmSync(project, { recursive: true }))

test('dist mirrors src: verbs and libraries are chunks of their own, floors are one each', async () => {
  await build()
  const chunks = readdirSync(join(project, 'dist'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.js'),
  )
  expect(new Set(chunks)).toEqual(new Set(['cli.js', 'cli/greet.js', 'core.js', 'npm/yaml.js']))
})

test('dist runs where there is no node_modules', async () => {
  await build()
  rmSync(join(project, 'node_modules'))
  expect(await runNode('dist/cli.js', 'world')).toMatchObject({ error: null, stdout: 'HELLO WORLD\n' })
})

test('a library that is imported on demand is not loaded before', async () => {
  write(
    'src/cli/greet.ts',
    "export const greet = async (name: string) => console.log((await import('yaml')).parse(name))",
  )
  await build()
  const verb = readFileSync(join(project, 'dist/cli/greet.js'), 'utf8')
  expect(verb).toContain('await import("../lazy/yaml.js")')
  expect(verb).not.toContain('../npm/yaml.js')
  expect(await runNode('dist/cli.js', 'world')).toMatchObject({ error: null, stdout: 'world\n' })
})

test('the build is as old as its start, so that a source saved while it runs is newer', async () => {
  await build()
  const [cli, verb] = ['dist/cli.js', 'dist/cli/greet.js'].map((path) => statSync(join(project, path)).mtimeMs)
  expect(cli).toBeLessThan(verb ?? 0)
})

test('an import that cannot be bundled fails the build, and the last good one stays', async () => {
  await build()
  write('src/core/shout.ts', "import { pad } from 'no-such-package'\nexport const shout = pad")
  const { error, stderr } = await build()
  expect(error?.code).toBe(1)
  expect(stderr).toContain("Could not resolve 'no-such-package'")
  expect(await runNode('dist/cli.js', 'again')).toMatchObject({ error: null, stdout: 'HELLO AGAIN\n' })
  expect(readdirSync(project).filter((name) => name.startsWith('.build-'))).toEqual([])
})

test('the licence of a library goes with it, also that of a part it took from elsewhere', async () => {
  write('src/core/shout.ts', "import { request } from 'undici'\nexport const shout = request")
  await build()
  const licenses = readFileSync(join(project, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  expect(licenses).toMatch(/^undici \d+\.\d+\.\d+: LICENSE\n\nMIT License\n\nCopyright \(c\) Matteo Collina/m)
  expect(licenses).toMatch(
    /^undici \d+\.\d+\.\d+: lib\/web\/fetch\/LICENSE\n\nMIT License\n\nCopyright \(c\) \d+ Ethan Arrowood/m,
  )
  expect(licenses).not.toContain('yaml')
})

test('builds at the same time leave one whole dist', async () => {
  const results = await Promise.all([build(), build()])
  expect(results.map(({ error }) => error)).toEqual([null, null])
  expect(await runNode('dist/cli.js', 'both')).toMatchObject({ error: null, stdout: 'HELLO BOTH\n' })
  expect(existsSync(join(project, 'dist/dist'))).toBe(false)
})

interface Outcome {
  error: ExecFileException | null
  stdout: string
  stderr: string
}

function build(): Promise<Outcome> {
  return runNode('scripts/build.mjs')
}

function runNode(...parameters: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, parameters, { cwd: project }, (error, stdout, stderr) =>
      resolve({ error, stdout, stderr }),
    )
  })
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true })
  writeFileSync(join(project, path), text)
}
