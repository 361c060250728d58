/**
 * The program as `npm start` and `npx` run it: with a shell in between, which hands on no signals.
 */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'npm-start-'))

/** Builds a copy, because other tests may be running the build of this checkout. */
beforeAll(() => {
  for (const name of ['bin', 'scripts', 'src', 'LICENSE', 'package.json'])
    cpSync(join(repository, name), join(folder, name), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'), 'dir')
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: folder })
}, 30_000)
afterAll(() => rmSync(folder, { recursive: true }))

test('a SIGTERM for npm, which ends the shell alone, ends the relay as well and frees its port', async () => {
  const config = { listen_addr: '127.0.0.1:0', auth_tokens: ['a-client-token'], accounts: [{ api_key: 'k' }] }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 })
  // The second command keeps the shell from giving its place to the program.
  const shell = spawn('sh', ['-c', 'node bin/sub2api-simple.js -config config.json; exit $?'], {
    cwd: folder,
    env: { ...process.env, npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = [shell.stdout, shell.stderr].map((stream) => stream.setEncoding('utf8'))
  let said = ''
  const port = new Promise<number>((resolve) => {
    for (const stream of output) {
      stream.on('data', (text: string) => {
        said += text
        const [, digits] = /listening on 127\.0\.0\.1:(\d+)/.exec(said) ?? []
        if (digits !== undefined && said.includes('Gemini CLI')) resolve(Number(digits))
      })
    }
  })
  const listening = await port
  shell.kill('SIGTERM')
  // The pipes close only when the program behind the shell has ended as well.
  await new Promise((resolve) => shell.once('close', resolve))
  expect(said).toContain('server.stopped answers_cut_off=0')
  const failure = new Promise((resolve) => connect(listening, '127.0.0.1').once('error', resolve))
  expect(await failure).toMatchObject({ code: 'ECONNREFUSED' })
})
