/**
 * `npm run check:package`: what npm and publint think of the package that a release would publish, and how fast `npx`
 * starts it. Not a part of `npm test`, because it asks the registry and a clock.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A tool for this one check, so it is no dependency; pinned, so that its next release cannot break ours. */
const PUBLINT = 'publint@0.3.25'
const LONGEST_START_MS = 1000

const publish = run('npm', ['publish', '--dry-run'])
report('npm publish', publish.status === 0 && !/auto-corrected|errors corrected/.test(publish.said), publish.said)
const publint = run('npx', ['--yes', PUBLINT, '--strict'])
report('publint', publint.status === 0, publint.said)
const { ms, said } = startFromTarball()
report(`npx starts the tarball in ${ms.toFixed(0)} ms`, ms < LONGEST_START_MS, said)

/** The best of five starts: the machine may be busy with something else during four of them. */
function startFromTarball() {
  const folder = mkdtempSync(join(tmpdir(), 'package-'))
  try {
    run('npm', ['pack', '--pack-destination', folder])
    const tarball = join(
      folder,
      readdirSync(folder).find((name) => name.endsWith('.tgz')),
    )
    const starts = Array.from({ length: 5 }, () => {
      const startedAt = performance.now()
      const { status, said } = run('npx', ['--yes', `--package=${tarball}`, '--', 'sub2api-simple', '--version'])
      return { ms: status === 0 ? performance.now() - startedAt : Infinity, said }
    })
    return starts.toSorted((a, b) => a.ms - b.ms)[0]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(command, parameters) {
  const settings = { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' }
  const { status, stdout, stderr } = spawnSync(command, parameters, settings)
  return { status, said: `${stdout}${stderr}` }
}

/** One line for a success, and all that was said for a failure. */
function report(name, isGood, said) {
  console.log(isGood ? `ok    ${name}` : `FAIL  ${name}\n${said}`)
  if (!isGood) process.exitCode = 1
}
