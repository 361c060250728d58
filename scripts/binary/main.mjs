/**
 * `npm run binary`: the program as one file for this machine, dist/sub2api-simple. With `-- --all`: one file per
 * platform in dist/binaries/, with checksums, licences and a bill of materials. Ends with 1 when a platform is missing.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createBillOfMaterials } from './bill-of-materials.mjs'
import { createChecksums } from './checksums.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'dist/binaries')

/** The compiler is also the runtime inside the binary, so it is pinned like any library. */
const BUN_VERSION = '1.4.5'

/**
 * The bundle is compiled, never src/: given a bare `import 'undici'`, Bun puts its own substitute there, which ignores
 * proxies. Names stay whole, because errors are told apart by them; no .env or bunfig of the working directory is read,
 * because the relay's settings come from its config alone.
 */
const OPTIONS = [
  '--minify-syntax',
  '--minify-whitespace',
  '--bytecode',
  '--format=esm',
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
]

/** Bun's name of a platform, and ours. */
const PLATFORMS = [
  ['bun-linux-x64', 'linux-x64'],
  ['bun-linux-arm64', 'linux-arm64'],
  ['bun-linux-x64-musl', 'linux-x64-musl'],
  ['bun-linux-arm64-musl', 'linux-arm64-musl'],
  ['bun-darwin-x64', 'macos-x64'],
  ['bun-darwin-arm64', 'macos-arm64'],
  ['bun-windows-x64', 'windows-x64.exe'],
]

const parameters = process.argv.slice(2)
if (parameters.length === 0) compileForThisMachine()
else if (parameters.length === 1 && parameters[0] === '--all') compileForAll()
else {
  console.error('usage: npm run binary [-- --all]')
  process.exitCode = 2
}

function compileForThisMachine() {
  const file = join(root, process.platform === 'win32' ? 'dist/sub2api-simple.exe' : 'dist/sub2api-simple')
  report(file, compile(file, []) ?? refuseToStart(file))
}

function compileForAll() {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const files = []
  for (const [target, name] of PLATFORMS) {
    const file = join(folder, `sub2api-simple-${name}`)
    const trouble = compile(file, [`--target=${target}`])
    report(file, trouble)
    if (trouble === null) files.push(file)
  }
  files.push(writeLicenses(), writeBillOfMaterials())
  writeFileSync(join(folder, 'SHA256SUMS'), createChecksums(files))
  const missing = PLATFORMS.length + 2 - files.length
  console.log(missing === 0 ? `all in ${folder}` : `${missing} of ${PLATFORMS.length} platforms are missing`)
}

/** Null, or what Bun said when it failed; the first use of a platform downloads its runtime from the npm registry. */
function compile(file, options) {
  const command = ['--yes', `bun@${BUN_VERSION}`, 'build', '--compile', ...OPTIONS, ...options]
  const result = spawnSync('npx', [...command, 'dist/cli.js', '--outfile', file], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (result.status !== 0) return result.error?.message ?? `${result.stdout}${result.stderr}`.trim()
  chmodSync(file, 0o755)
  return null
}

/** Null, or how it fails: a binary that was built for this machine but does not start there is not one. */
function refuseToStart(file) {
  const { status, stdout, stderr, error } = spawnSync(file, ['--version'], { encoding: 'utf8' })
  const { version } = readJson('package.json')
  if (status === 0 && stdout.trim() === version) return null
  return `it does not start: ${error?.message ?? `${stdout}${stderr}`.trim()}`
}

function report(file, trouble) {
  const name = file.slice(root.length)
  if (trouble === null) console.log(`ok    ${name}  ${(statSync(file).size / 1e6).toFixed(1)} MB`)
  else {
    console.log(`FAIL  ${name}\n${trouble.replace(/^/gm, '      ')}`)
    rmSync(file, { force: true })
    process.exitCode = 1
  }
}

function writeLicenses() {
  const file = join(folder, 'THIRD-PARTY-LICENSES.txt')
  const runtime =
    `The binaries also contain Bun ${BUN_VERSION}, which is under the MIT licence and contains JavaScriptCore, which is\n` +
    'under the LGPL 2, and other libraries. All of them, with their sources: https://bun.com/docs/project/license\n'
  copyFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), file)
  writeFileSync(file, `\n${'-'.repeat(80)}\n\n${runtime}`, { flag: 'a' })
  return file
}

function writeBillOfMaterials() {
  const file = join(folder, 'sub2api-simple.cdx.json')
  const bill = createBillOfMaterials({
    manifest: readJson('package.json'),
    lock: readJson('package-lock.json'),
    licenses: readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8'),
    runtime: { name: 'bun', version: BUN_VERSION },
  })
  writeFileSync(file, `${JSON.stringify(bill, null, 2)}\n`)
  return file
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}
