/**
 * Guessing tokens from another machine: slowed down after a few tries, without harm to those who share the address.
 */
import type { IncomingMessage } from 'node:http'
import { networkInterfaces } from 'node:os'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { GatewayError } from '../../src/core/errors.ts'
import { createGuard } from '../../src/http/guard.ts'
import { createGuessLimiter } from '../../src/http/guess-limiter.ts'
import { makeClient } from '../harness/accounts.ts'
import { createVirtualClock } from '../harness/clock.ts'
import { setStage } from './stage.ts'

const RIGHT = 'token-of-alice'

/** What a peer that presents `token` gets to hear: a client's name, `wrong`, or the seconds to wait. */
function createStage() {
  const clock = createVirtualClock()
  const guard = createGuessLimiter(clock)(createGuard([makeClient('alice'), makeClient('bob')], clock))
  const ask = (remoteAddress: string, token: string | null): string | number => {
    const headers = token === null ? {} : { 'x-api-key': token }
    try {
      return (
        guard.identify({ url: '/', headers, socket: { remoteAddress } } as unknown as IncomingMessage)?.name ?? 'wrong'
      )
    } catch (error) {
      expect(error).toMatchObject({ kind: 'rate_limited', retryable: false })
      return Math.ceil((error as GatewayError).retryAfterMs ?? 0) / 1000
    }
  }
  const guess = (address: string, times: number): Array<string | number> =>
    Array.from({ length: times }, (_, i) => ask(address, `guess ${i}`))
  return { clock, ask, guess }
}

describe('a peer that guesses', () => {
  test('is told 20 times that it is wrong, and then to wait', () => {
    const { guess } = createStage()
    expect(guess('203.0.113.9', 22)).toEqual([...Array.from({ length: 20 }, () => 'wrong'), 6, 6])
  })

  test('gets one more try every six seconds, and waiting does not make it longer', async () => {
    const { clock, guess } = createStage()
    guess('203.0.113.9', 20)
    await clock.advance(5_000)
    expect(guess('203.0.113.9', 1)).toEqual([1])
    await clock.advance(1_000)
    expect(guess('203.0.113.9', 2)).toEqual(['wrong', 6])
    await clock.advance(10 * 60_000)
    expect(guess('203.0.113.9', 21)).toEqual([...Array.from({ length: 20 }, () => 'wrong'), 6])
  })

  test('learns nothing from a right guess while it has to wait', () => {
    const { ask, guess } = createStage()
    guess('203.0.113.9', 20)
    expect([ask('203.0.113.9', RIGHT), ask('203.0.113.9', 'wrong')]).toEqual([6, 6])
  })

  test('does no harm to others, nor to whoever was served at its address before', () => {
    const { ask, guess } = createStage()
    ask('203.0.113.9', RIGHT)
    guess('203.0.113.9', 30)
    expect([
      ask('203.0.113.9', RIGHT),
      ask('203.0.113.9', 'token-of-bob'),
      ask('203.0.113.10', 'token-of-bob'),
    ]).toEqual(['alice', 6, 'bob'])
  })

  test.each([
    ['IPv4, as IPv4 or mapped', '203.0.113.9', '::ffff:203.0.113.9', 6],
    ['the addresses of one IPv6 network', '2001:db8:1:2::7', '2001:db8:1:2:a:b:c:d', 6],
    ['neighbouring IPv6 networks', '2001:db8:1:2::7', '2001:db8:1:3::7', 'wrong'],
    ['IPv6 networks with zeros in them', '2001:db8::7', '2001:db8:0:0:9::', 6],
  ])('is known by its network: %s', (_what, first, second, said) => {
    const { guess } = createStage()
    guess(first, 20)
    expect(guess(second, 1)).toEqual([said])
  })

  test('is not somebody who has no token at all, and no program on this machine', () => {
    const { ask, guess } = createStage()
    for (let i = 0; i < 50; i++) expect(ask('203.0.113.9', null)).toBe('wrong')
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) expect(guess(address, 50)).not.toContain(6)
  })

  test('cannot fill the memory: of 10,000 peers the newest 4,096 are remembered', () => {
    const { guess } = createStage()
    const peers = Array.from({ length: 10_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    for (const peer of peers) guess(peer, 20)
    expect([guess(peers.at(-1) as string, 1), guess(peers[0] as string, 1)]).toEqual([[6], ['wrong']])
  })
})

const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

/** The status line and headers of one request from this machine's own address in its network. */
function askFromElsewhere(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: elsewhere, port, localAddress: elsewhere })
    onTestFinished(() => void socket.destroy())
    socket.once('error', reject).once('data', (bytes: Buffer) => resolve(bytes.toString('latin1')))
    socket.write(`GET ${path} HTTP/1.1\r\nhost: relay\r\nx-api-key: a-guess\r\nconnection: close\r\n\r\n`)
  })
}

test.skipIf(elsewhere === undefined)(
  'over the network, a guess too many is a 429 that says when to come back',
  async () => {
    const { relay } = await setStage({ listen_addr: '0.0.0.0:0' })
    for (let i = 0; i < 20; i++) expect(await askFromElsewhere(relay.port, '/v1/models')).toMatch(/^HTTP\/1\.1 401 /)
    for (const path of ['/v1/models', '/health', '/v1/nothing/../models']) {
      const answer = await askFromElsewhere(relay.port, path)
      expect(answer).toMatch(path.includes('..') ? /^HTTP\/1\.1 404 / : /^HTTP\/1\.1 429 [^]*\r\nretry-after: 6\r\n/i)
    }
    expect((await relay.get('/v1/models')).status).toBe(200)
  },
)
