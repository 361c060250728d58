/**
 * `npm run check:fresh`: copies what a clone would hold (committed files and new ones that git does not ignore) to an
 * empty folder and starts it there. Not a part of `npm test`: it installs everything, and CI starts from a clone anyway.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const clone = mkdtempSync(join(tmpdir(), 'sub2api-simple-clone-'))

try {
  for (const path of listFiles()) cpSync(join(root, path), join(clone, path))
  const startedAt = performance.now()
  const settings = { cwd: clone, stdio: 'inherit', shell: process.platform === 'win32' }
  const { status } = spawnSync('npm', ['start', '--', '--version'], settings)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(status === 0 ? `a fresh clone started after ${seconds} s` : 'a fresh clone did not start')
  process.exitCode = status === 0 ? 0 : 1
} finally {
  rmSync(clone, { recursive: true, force: true })
}

function listFiles() {
  const options = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  const paths = execFileSync('git', options, { cwd: root, encoding: 'utf8' }).split('\0')
  // Git lists a deleted file until the deletion is committed.
  return paths.filter((path) => path !== '' && existsSync(join(root, path)))
}
