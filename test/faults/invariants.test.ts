/**
 * The invariants that belong to no single row, and the table that says where each of the thirty is held.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTokenMatcher } from '../../src/core/secret.ts'
import { createSeededRandom } from '../core/seeded-random.ts'
import { createVirtualClock } from '../harness/clock.ts'
import { answerText, drop, fail, html } from '../harness/reactions.ts'
import { startRelay, TOKEN } from '../harness/relay.ts'
import { startVendor } from '../harness/vendor.ts'
import { ASK, setStage } from '../http/stage.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the table of invariants', () => {
  const rows = readFileSync(join(root, 'test/faults/invariants.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, number, , places = ''] = /^\| (\d+) \| (.*?) \| (.*?) \|/.exec(line) ?? []
      return number === undefined ? [] : [{ number: Number(number), places }]
    })

  test('has all thirty, in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
  })

  test.each(rows.map(({ number, places }) => [number, places] as const))(
    'of %i names tests that there are',
    (_number, places) => {
      const named = [...places.matchAll(/`([^`]+)`(?: "([^"]+)")?/g)]
      expect(named.length).toBeGreaterThan(0)
      for (const [, file = '', title = ''] of named) {
        expect([file, existsSync(join(root, file))]).toEqual([file, true])
        expect(readFileSync(join(root, file), 'utf8')).toContain(title)
      }
    },
  )
})

describe('invariant 24: the same requests, clock and seed', () => {
  /** What a relay did with 40 requests to three accounts that fail by chance, without ids and addresses. */
  async function play(clockSeed: number, faultSeed: number): Promise<unknown[]> {
    const vendor = await startVendor()
    onTestFinished(vendor.close)
    const random = createSeededRandom(faultSeed)
    const faults = [fail(500), fail(529), fail(429, { headers: { 'retry-after': '3' } }), drop(), html()]
    vendor.always((request) => (random.whole(3) === 0 ? random.pick(faults) : answerText('hello'))(request))
    const accounts = ['a', 'b', 'c'].map((name) => ({
      name,
      platform: 'anthropic',
      api_key: `key-of-${name}`,
      base_url: vendor.url,
    }))
    // Nobody waits: the clock stands still while a request is under way.
    const settings = { accounts, queue: { timeout: '0s' }, sticky_session_ttl: '0s' }
    const relay = await startRelay(settings, createVirtualClock({ seed: clockSeed }))
    onTestFinished(() => relay.stop())
    const told: unknown[] = []
    for (let i = 0; i < 40; i++) {
      const body = { ...ASK.anthropic.body, stream: i % 2 === 0 }
      const { status, headers } = await relay.post(ASK.anthropic.path, body)
      told.push([status, headers['x-relay-account'], headers['x-relay-attempts'], headers['retry-after']])
      await relay.clock.advance(500)
    }
    // Ids are random by purpose, ports are the system's.
    const text = JSON.stringify([told, relay.log]).replaceAll(/req_[0-9a-f]{32}|127\.0\.0\.1:\d+/g, 'x')
    return JSON.parse(text) as unknown[]
  }

  test('make the same choices and the same log', async () => {
    const [first, again, otherwise] = [await play(1, 7), await play(1, 7), await play(1, 8)]
    expect(again).toEqual(first)
    expect(otherwise).not.toEqual(first)
  })
})

test('invariant 27: two clients that name the same conversation share no binding', async () => {
  const { relay } = await setStage({ auth_tokens: [TOKEN, 'a-second-token-for-tests'] })
  const ask = (token: string) =>
    relay.post(ASK.anthropic.path, ASK.anthropic.body, {
      headers: { authorization: `Bearer ${token}`, 'x-claude-code-session-id': 'one-and-the-same' },
    })
  for (const token of [TOKEN, 'a-second-token-for-tests', TOKEN]) expect((await ask(token)).status).toBe(200)
  expect(relay.parts.pool.sessions).toBe(2)
})

test('invariant 28: a token takes as long to refuse with its first letter wrong as with its last', () => {
  const token = 'a-token-that-somebody-wants-to-know-0123456789'
  const matcher = createTokenMatcher([token, ...Array.from({ length: 20 }, (_, i) => `another-token-${i}`)])
  const wrong = { first: `b${token.slice(1)}`, last: `${token.slice(0, -1)}x`, none: 'nothing of the kind' }
  /** The fastest of many batches: what the machine does beside it only makes some slower. */
  const fastestMs = (candidate: string): number => {
    let fastest = Infinity
    for (let batch = 0; batch < 40; batch++) {
      const startedAt = performance.now()
      for (let i = 0; i < 100; i++) expect(matcher.find(candidate) < 0).toBe(true)
      fastest = Math.min(fastest, performance.now() - startedAt)
    }
    return fastest
  }
  const times = [wrong.first, wrong.last, wrong.none].map(fastestMs)
  expect(Math.max(...times) / Math.min(...times)).toBeLessThan(2)
})
