/**
 * Several relays on one config, each a process of its own as the system sees it.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { writeConfig } from '../config/load-text.ts'
import { startIdentityProvider } from '../harness/identity-provider.ts'
import { bundleForNode } from '../harness/bundle.ts'

type Child = ChildProcessByStdio<Writable, Readable, null>

async function start(script: string, ...parameters: string[]): Promise<Child> {
  const child = spawn(process.execPath, [script, ...parameters], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdout.setEncoding('utf8')
  await once(child.stdout, 'data')
  return child
}

test('two processes that need a new token at the same moment refresh once, and both have it (row 74)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'two-processes-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const script = await bundleForNode('test/faults/token-user.ts', folder)
  const identity = await startIdentityProvider()
  onTestFinished(() => identity.close())
  const path = writeConfig({
    auth_tokens: ['a-client-token-for-tests'],
    accounts: [{ name: 'plus', platform: 'openai', type: 'oauth', refresh_token: identity.signIn('acc') }],
  })
  const children = await Promise.all([1, 2].map(() => start(script, path, identity.tokenUrl)))
  for (const child of children) child.stdin.end('now\n')
  const tokens = await Promise.all(
    children.map(async (child) => {
      const [token] = (await once(child.stdout, 'data')) as [string]
      await once(child, 'close')
      return token.trim()
    }),
  )
  const { current, accessTokens } = identity.familyOf('acc')
  expect(identity.requests).toHaveLength(1)
  expect(tokens).toEqual([accessTokens.at(-1), accessTokens.at(-1)])
  expect(readFileSync(path, 'utf8')).toContain(current)
  expect(readdirSync(dirname(path))).toEqual(['config.json'])
}, 30_000)
