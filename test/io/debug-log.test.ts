import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createDebugLog } from '../../src/io/debug-log.ts'
import { createVirtualClock } from '../harness/clock.ts'

const SECRET = 'sk-a-secret-of-the-config'

async function openLog(facts: { bodies: boolean; events: boolean }) {
  const folder = await mkdtemp(join(tmpdir(), 'debug-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'debug.log')
  const warnings: string[] = []
  const clock = createVirtualClock()
  const log = createDebugLog({ path, ...facts, secrets: [SECRET], clock, warn: (event) => warnings.push(event) })
  const read = async (): Promise<Array<Record<string, string>>> => {
    await log.close()
    const text = await readFile(path, 'utf8')
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, string>)
  }
  return { log, path, read, warnings }
}

test('bodies and events go to a file that only its owner may read, with secrets masked', async () => {
  const { log, path, read } = await openLog({ bodies: true, events: true })
  log.body('req_1', 'client request', Buffer.from(`{"key":"${SECRET}"}`))
  log.event('req_1', 'message_stop', Buffer.from('{}'))
  expect(await read()).toMatchObject([
    { request: 'req_1', what: 'client request', text: '{"key":"***"}' },
    { request: 'req_1', what: 'event message_stop', text: '{}' },
  ])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('only what was asked for is written, and a huge body is cut', async () => {
  const { log, read } = await openLog({ bodies: true, events: false })
  log.event('req_1', 'ping', Buffer.from('{}'))
  log.body('req_1', 'upstream answer', Buffer.alloc(300 * 1024, 'x'))
  const entries = await read()
  expect(entries.map(({ what }) => what)).toEqual(['upstream answer'])
  expect(entries[0]?.['text']).toMatch(/… \(307200 bytes\)$/)
})
