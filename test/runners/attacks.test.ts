/**
 * Clients that mean harm, against the real program while others use it: whatever one of them sends, the others are
 * served, the memory stays where it was, and the program keeps its own rules to the end.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { bundleForNode } from '../harness/bundle.ts'
import { rawRequest, type RawResponse } from '../harness/raw-client.ts'
import { answerText, raw } from '../harness/reactions.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'
import { type Program, startProgram, TOKEN } from './program.ts'

const MIB = 1024 * 1024
/** Several large bodies at once are what it takes; a bomb that went off would take gigabytes. */
const MOST_MEMORY_MIB = 700
const HEADERS = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
const folder = mkdtempSync(join(tmpdir(), 'attacks-'))
let vendor: Vendor
let program: Program

beforeAll(async () => {
  vendor = await startVendor()
  const cli = await bundleForNode('src/cli.ts', folder)
  const models = ['claude-*', `${'*a'.repeat(24)}*b`]
  const accounts = [{ name: 'one', platform: 'anthropic', api_key: 'key-of-one', base_url: vendor.url, models }]
  program = await startProgram({ cli, folder: join(folder, 'home'), settings: { accounts } })
}, 60_000)
afterAll(async () => {
  const code = await program.stop()
  await vendor.close()
  rmSync(folder, { recursive: true })
  expect([code, program.errors]).toEqual([0, []])
  const memory = program.states.map(({ rss_mib }) => rss_mib)
  expect(Math.max(...memory)).toBeLessThan(MOST_MEMORY_MIB)
})

const ask = (model = 'claude-test'): Promise<RawResponse> =>
  rawRequest(program.port, { path: '/v1/messages', headers: HEADERS, body: { model, max_tokens: 9, messages: [] } })

const send = (body: Buffer | string, headers: Record<string, string> = {}): Promise<RawResponse> =>
  rawRequest(program.port, { path: '/v1/messages', headers: { ...HEADERS, ...headers }, body })

/** Runs an attack while somebody else asks again and again; resolves to what the attacker heard. */
async function amid<T>(attack: () => Promise<T>): Promise<T> {
  const isOver = { yet: false }
  const bystander = (async () => {
    do expect((await ask()).status).toBe(200)
    while (!isOver.yet)
  })()
  const heard = await attack().finally(() => (isOver.yet = true))
  await bystander
  return heard
}

describe('a body made to blow up', () => {
  const nested = (levels: number): string => `{"model":"claude-test","a":${'['.repeat(levels)}${']'.repeat(levels)}}`

  test.each<[string, () => Promise<RawResponse>, number]>([
    ['200 MiB of blanks, packed', () => send(bomb(200), { 'content-encoding': 'gzip' }), 413],
    ['blanks packed twice', () => send(gzipSync(bomb(200)), { 'content-encoding': 'gzip, gzip' }), 415],
    ['a million levels', () => send(nested(1_000_000)), 400],
    ['a million values', () => send(`{"model":"claude-test","a":[${'1,'.repeat(1_000_000)}1]}`), 400],
    ['a string of 31 MiB in place of the model', () => send(`{"model":"${'a'.repeat(31 * MIB)}"}`), 400],
    ['more than 64 MiB', () => send(Buffer.alloc(65 * MIB, ' ')), 413],
  ])('%s is refused', async (_what, attack, status) => {
    expect((await amid(attack)).status).toBe(status)
  })
})

test('a model’s name against a pattern of stars costs nothing', async () => {
  const { status } = await amid(() => ask(`${'a'.repeat(190)}c`))
  expect(status).toBe(404)
})

test('1,000 guesses from this machine are refused one like the other', async () => {
  const statuses = await amid(async () => {
    const heard = new Set<number>()
    for (let round = 0; round < 10; round++) {
      const guesses = Array.from({ length: 100 }, (_, i) =>
        rawRequest(program.port, { path: '/v1/models', headers: { 'x-api-key': `guess ${round} ${i}` } }),
      )
      for (const { status } of await Promise.all(guesses)) heard.add(status)
    }
    return [...heard]
  })
  expect(statuses).toEqual([401])
})

test('300 heads and 300 bodies that stop in their middle hold nobody up', async () => {
  const head = 'POST /v1/messages HTTP/1.1\r\nhost: a\r\n'
  await amid(async () => {
    const sockets = Array.from({ length: 600 }, (_, i) => {
      const socket = connect(program.port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {})
      socket.write(i % 2 === 0 ? head : `${head}authorization: Bearer ${TOKEN}\r\ncontent-length: 99\r\n\r\n{`)
      return socket
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    for (let i = 0; i < 20; i++) expect((await ask()).status).toBe(200)
  })
})

test('a head of 64 kB and one of 1,000 lines are turned away', async () => {
  const large = rawRequest(program.port, { headers: { 'x-large': 'x'.repeat(64 * 1024) } })
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`x-${i}`, 'a'.repeat(20)]))
  const answers = await amid(() => Promise.all([large, rawRequest(program.port, { headers: many })]))
  expect(answers.map(({ status }) => status)).toEqual([431, 431])
})

test('a vendor’s line of 64 MiB passes a client that asked for it, and nobody else waits for it', async () => {
  const event = `event: content_block_delta\ndata: {"type":"content_block_delta","x":"`
  const end = '"}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
  const pieces = [event, ...Array.from({ length: 64 }, () => Buffer.alloc(MIB, 'x')), end]
  const large = raw({ headers: { 'content-type': 'text/event-stream' }, pieces })
  vendor.always((request) => (request.stream ? large : answerText('hello'))(request))
  const body = JSON.stringify({ model: 'claude-test', max_tokens: 9, stream: true, messages: [] })
  const answer = await amid(() => send(body))
  expect([answer.status, answer.ended, answer.body.length > 64 * MIB]).toEqual([200, 'clean', true])
})

/** A gzip file of so many MiB of blanks. */
function bomb(mib: number): Buffer {
  const member = gzipSync(Buffer.alloc(MIB, ' '))
  return Buffer.concat(Array.from({ length: mib }, () => member))
}
