/**
 * How the bytes of a stream stand on the wire: what a client's HTTP parser sees before it sees events.
 */
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { ask, type HubLane, setStage, type Stage } from '../faults/four-dialects.ts'
import { rawConnect } from '../harness/raw-client.ts'
import { answerText } from '../harness/reactions.ts'
import { TOKEN } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'

const TEXTS = ['hello', 'Ein schöner Tag 🌞', 'x'.repeat(5_000), '🌞'.repeat(3_000)]

async function start(text: string, talk: Protocol | HubLane = 'anthropic'): Promise<Stage> {
  const stage = await setStage(talk)
  stage.vendor.always(answerText(text))
  return stage
}

/** Everything that comes back for one streamed question, until the relay closes or the body has ended. */
function wireOf(port: number, version: '1.0' | '1.1'): Promise<{ head: string; body: Buffer }> {
  const body = JSON.stringify(ask('anthropic').body)
  const head = [
    `POST /v1/messages HTTP/${version}`,
    'host: relay',
    `authorization: Bearer ${TOKEN}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${head.join('\r\n')}\r\n\r\n${body}`))
    let bytes = Buffer.alloc(0)
    const finish = (): void => {
      const end = bytes.indexOf('\r\n\r\n')
      resolve({ head: bytes.toString('latin1', 0, end).toLowerCase(), body: bytes.subarray(end + 4) })
      socket.destroy()
    }
    socket.on('error', reject).on('close', finish)
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      if (version === '1.1' && bytes.subarray(-7).equals(Buffer.from('\r\n0\r\n\r\n'))) finish()
    })
  })
}

/** The chunks of a body as RFC 9112 section 7.1 writes them. */
function chunksOf(body: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size
    expect(body.toString('latin1', end, end + 2)).toBe('\r\n')
    if (size === 0) {
      expect(end + 2).toBe(body.length)
      return chunks
    }
    chunks.push(body.subarray(lineEnd + 2, end))
    at = end + 2
  }
}

test.each(TEXTS)('a stream comes in well-formed chunks, said once in its head (%#)', async (text) => {
  const { vendor, relay } = await start(text)
  const { head, body } = await wireOf(relay.port, '1.1')
  expect(head.match(/^transfer-encoding: .*$/gm)).toEqual(['transfer-encoding: chunked'])
  expect(head).not.toContain('content-length')
  expect(Buffer.concat(chunksOf(body))).toEqual(vendor.bytesSent(1))
})

test.each(TEXTS)('so does one that was translated (%#)', async (text) => {
  const { relay } = await start(text, { client: 'anthropic', upstream: 'openai-chat' })
  const { body } = await wireOf(relay.port, '1.1')
  expect(readText(Buffer.concat(chunksOf(body)))).toBe(text)
})

test('a client of HTTP/1.0, which knows no chunks, gets the bare bytes and the end of the connection', async () => {
  const { vendor, relay } = await start('hello')
  const { head, body } = await wireOf(relay.port, '1.0')
  expect(head).not.toContain('transfer-encoding')
  expect(body).toEqual(vendor.bytesSent(1))
})

test('streams follow each other on one connection', async () => {
  const { vendor, relay } = await start('hello')
  const connection = rawConnect(relay.port)
  onTestFinished(() => connection.abort())
  const question = { path: '/v1/messages', headers: { authorization: `Bearer ${TOKEN}` }, body: ask('anthropic').body }
  // The second one is pipelined: it has no socket before its turn.
  const answers = await Promise.all([connection.send(question), connection.send(question)])
  for (const [position, answer] of answers.entries()) {
    expect(answer.ended).toBe('clean')
    expect(answer.body).toEqual(vendor.bytesSent(position + 1))
  }
})
