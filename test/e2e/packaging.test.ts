/**
 * The package as people get it: packed like for a release, unpacked into a folder that has nothing else, and started.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const manifest = readJson(join(repository, 'package.json'))
const folder = mkdtempSync(join(tmpdir(), 'package-'))
const unpacked = join(folder, 'unpacked', 'package')
const elsewhere = join(folder, 'elsewhere')
let tarball: string

/** Packs a copy, because packing builds, and other tests may be running the build of this checkout. */
beforeAll(() => {
  const copy = join(folder, 'copy')
  const needed = readdirSync(repository).filter((name) => !/^(\.|node_modules$|dist$|test$)/.test(name))
  for (const name of needed) cpSync(join(repository, name), join(copy, name), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'), 'dir')
  for (const name of ['unpacked', 'elsewhere']) mkdirSync(join(folder, name))
  runNpm(copy, ['pack', '--pack-destination', folder])
  tarball = join(folder, `sub2api-simple-${manifest.version}.tgz`)
  execFileSync('tar', ['-xzf', tarball, '-C', join(folder, 'unpacked')])
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

test('the download is small', () => {
  expect(statSync(tarball).size).toBeLessThan(400_000)
})

test('the package holds the program, its documents and licences, and nothing of the workshop', () => {
  const documents = /^(README\.md|LICENSE|package\.json|config\.example\.json|docs\/.*\.(md|json|png|svg))$/
  const program = /^(bin\/sub2api-simple\.js|dist\/.*\.js|dist\/THIRD-PARTY-LICENSES\.txt)$/
  const files = listFiles(unpacked)
  expect(files.filter((path) => !documents.test(path) && !program.test(path))).toEqual([])
  expect(files).toEqual(expect.arrayContaining(['LICENSE', 'bin/sub2api-simple.js', 'dist/cli.js', 'package.json']))
})

test('installing it installs nothing else and runs no scripts', () => {
  const published = readJson(join(unpacked, 'package.json'))
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies'])
    expect(published).not.toHaveProperty(kind)
  for (const script of ['preinstall', 'install', 'postinstall']) expect(published.scripts).not.toHaveProperty(script)
})

test('the licence of every bundled library is in it, and of the list of prices', () => {
  const licenses = readFileSync(join(unpacked, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  const titles = licenses.match(/^\S+(?= [0-9.]+: )/gm)?.map((name) => name.replace('@', '').replace('/', '-'))
  const libraries = readdirSync(join(unpacked, 'dist/npm')).map((file) => basename(file, '.js'))
  expect(new Set(titles)).toEqual(new Set([...libraries, 'pydantic-genai-prices']))
})

test('it starts in an empty folder', () => {
  const { status, stdout, stderr } = spawnSync(join(unpacked, 'bin/sub2api-simple.js'), ['--version'], inElsewhere())
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' })
})

test('npx starts the downloaded package without a network and without a cache', () => {
  const offline = ['--offline', '--yes', '--cache', join(folder, 'npm-cache')]
  const output = runNpm(elsewhere, ['exec', ...offline, `--package=${tarball}`, '--', 'sub2api-simple', '--version'])
  expect(output).toBe(`${manifest.version}\n`)
})

test('an old Node gets one sentence that names the oldest one that will do', () => {
  const oldest = manifest.engines.node.replace('>=', '')
  for (const [version, answer] of [
    ['18.20.4', `sub2api-simple needs Node ${oldest} or newer; this is 18.20.4.\n`],
    ['20.18.0', `sub2api-simple needs Node ${oldest} or newer; this is 20.18.0.\n`],
    [oldest, ''],
    ['22.0.0', ''],
  ] as const) {
    expect(startWithNode(version)).toEqual({ status: answer === '' ? 0 : 1, stderr: answer })
  }
})

test('a checkout without a build says how to get one', () => {
  const bin = join(folder, 'unbuilt', 'bin')
  cpSync(join(unpacked, 'bin'), bin, { recursive: true })
  cpSync(join(unpacked, 'package.json'), join(bin, '..', 'package.json'))
  const { status, stderr } = spawnSync(process.execPath, [join(bin, 'sub2api-simple.js')], inElsewhere())
  expect({ status, stderr }).toEqual({ status: 1, stderr: 'sub2api-simple is not built yet. Run: npm run build\n' })
})

function startWithNode(version: string): { status: number | null; stderr: string } {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  const preload = `--import=data:text/javascript,${encodeURIComponent(pretend)}`
  const bin = join(unpacked, 'bin/sub2api-simple.js')
  const { status, stderr } = spawnSync(process.execPath, [preload, bin, '--version'], inElsewhere())
  return { status, stderr }
}

function inElsewhere() {
  return { cwd: elsewhere, encoding: 'utf8' } as const
}

/** Standard output of npm. Its own log goes to standard error, which is shown when it fails. */
function runNpm(cwd: string, parameters: string[]): string {
  return execFileSync('npm', parameters, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function listFiles(top: string): string[] {
  const entries = readdirSync(top, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(top.length + 1))
}

interface Manifest {
  version: string
  engines: { node: string }
  scripts: Record<string, string>
}

function readJson(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest
}
