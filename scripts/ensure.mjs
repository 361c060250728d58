/**
 * Makes a checkout ready to run: a new enough Node, the dependencies of this lock file, a build of these sources.
 * Silent and quick when all is there, so that `npm start` and `npm test` simply work in a fresh clone and after a pull.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lockPath = join(tmpdir(), `sub2api-simple-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`)
const LOCK_POLL_MS = 100
/** Longer than any install takes: the number in such a lock may belong to another program by now. */
const LOCK_MAX_AGE_MS = 15 * 60_000

try {
  refuseOldNode()
  if (!isInstalled() || !isBuilt()) prepare()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}

function refuseOldNode() {
  const oldest = readJson('package.json').engines.node.replace('>=', '')
  const order = process.versions.node.localeCompare(oldest, 'en', { numeric: true })
  if (order < 0) throw new Error(`sub2api-simple needs Node ${oldest} or newer; this is ${process.versions.node}.`)
}

/**
 * True when node_modules holds what package-lock.json asks for. npm writes a record of what it installed, as its last
 * act; comparing the two also tells an install that broke off, one without the dev part, and another branch's lock.
 */
function isInstalled() {
  const recordPath = 'node_modules/.package-lock.json'
  if (!existsSync(join(root, recordPath))) return false
  const record = readJson(recordPath).packages
  return Object.entries(readJson('package-lock.json').packages).every(([path, wanted]) => {
    const installed = record[path]
    // Absent and optional: a binary for another platform. The empty path is this project itself.
    if (installed === undefined) return wanted.optional === true || path === ''
    return installed.version === wanted.version && installed.integrity === wanted.integrity
  })
}

/** True when dist/cli.js is there and nothing it was made from is newer. */
function isBuilt() {
  // With the folders: theirs is the only time that tells of a deleted file.
  const sources = ['', ...readdirSync(join(root, 'src'), { recursive: true })].map((path) => join('src', path))
  const tools = ['build', 'bundle-page', 'collect-licenses'].map((name) => `scripts/${name}.mjs`)
  const inputs = ['package.json', 'package-lock.json', ...tools, ...sources]
  const builtAt = changedAt('dist/cli.js')
  return inputs.every((path) => changedAt(path) <= builtAt)
}

/** Does what is missing, one process at a time; whoever had to wait usually finds the work done. */
function prepare() {
  takeLock()
  try {
    if (!isInstalled()) install()
    if (!isBuilt()) run('building', process.execPath, ['scripts/build.mjs'])
  } finally {
    rmSync(lockPath, { force: true })
  }
}

function install() {
  // NODE_ENV=production would leave out the bundler. No package needs its install script, so none gets to run.
  const options = ['ci', '--include=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  // The npm that runs us, if one does: PATH may hold another one, or none.
  const npm = process.env.npm_execpath ?? ''
  if (basename(npm) === 'npm-cli.js') run('installing dependencies', process.execPath, [npm, ...options])
  else run('installing dependencies', 'npm', options, { shell: process.platform === 'win32' })
}

/** One announced step. Its own output is shown only when it fails: npm warns of every engine that it would not choose. */
function run(step, command, options, settings = {}) {
  console.error(`sub2api-simple: ${step} …`)
  const result = spawnSync(command, options, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26, ...settings })
  if (result.status === 0) return
  const said = result.error?.message ?? `${result.stdout}${result.stderr}`
  throw new Error(`${said.trimEnd()}\nsub2api-simple: ${step} failed`)
}

function takeLock() {
  for (let attempt = 1; ; attempt++) {
    try {
      writeFileSync(lockPath, `${process.pid}`, { flag: 'wx' })
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (isLockAbandoned()) rmSync(lockPath, { force: true })
    else if (attempt === 1) console.error('sub2api-simple: waiting for another process that prepares this folder …')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS)
  }
}

/** True when the process that took the lock was killed before it could give it back. */
function isLockAbandoned() {
  try {
    const owner = Number(readFileSync(lockPath, 'utf8'))
    if (owner === process.pid || Date.now() - statSync(lockPath).mtimeMs > LOCK_MAX_AGE_MS) return true
    process.kill(owner, 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

/** Epoch milliseconds; 0 for what does not exist. */
function changedAt(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}
