/**
 * The relay that watches itself: each rule is broken on purpose, and noticed.
 */
import { request } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRules, type Rules } from '../../../src/cli/assert/rules.ts'
import { watchAnswers } from '../../../src/cli/assert/watched-answers.ts'
import { watchClock } from '../../../src/cli/assert/watched-clock.ts'
import { watchPool } from '../../../src/cli/assert/watched-pool.ts'
import { watchSignIns } from '../../../src/cli/assert/watched-sign-ins.ts'
import type { SignIn } from '../../../src/core/account.ts'
import { ClientDeparture } from '../../../src/core/departure.ts'
import { Secret } from '../../../src/core/secret.ts'
import type { UpstreamCall } from '../../../src/core/upstream-call.ts'
import type { CredentialStore } from '../../../src/core/credential-store.ts'
import type { RequestListener } from '../../../src/http/app.ts'
import type { Log } from '../../../src/io/log.ts'
import { listen } from '../../../src/io/serve.ts'
import type { UpstreamClient, UpstreamListener } from '../../../src/io/upstream.ts'
import type { SignInClient } from '../../../src/oauth/openai.ts'
import type { TokenKeeper } from '../../../src/oauth/tokens.ts'
import type { Pool, PoolRequest } from '../../../src/pool/pool.ts'
import { makeAccount } from '../../harness/accounts.ts'
import { createVirtualClock, settle } from '../../harness/clock.ts'
import { createDeferred } from '../../harness/deferred.ts'

/** Rules, and the numbers of those that were broken. */
function createBooks(): { rules: Rules; broken: number[] } {
  const broken: number[] = []
  const nothing = (): void => {}
  const error = (_event: string, facts: Readonly<Record<string, unknown>> = {}): void =>
    void broken.push(facts['invariant'] as number)
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error }
  return { rules: createRules(log), broken }
}

describe('leases (1, 2, 19, 29)', () => {
  const account = makeAccount('one', { concurrency: 2 })
  const bounds = { sessions: 10, waiting: 10, cooldownMs: 1_000 }
  const ask = {
    takesSlot: true,
    outlivesClient: false,
    gone: new ClientDeparture(),
  } as Partial<PoolRequest> as PoolRequest

  /** A pool that counts as it is told to. */
  function createStage() {
    const { rules, broken } = createBooks()
    const state = { account, inFlight: 0, health: new Map<string, { reason: string; until: number }>() }
    const counts = { waiting: 0, sessions: 0 }
    const released = { count: 0 }
    const pool = {
      states: [state],
      get waiting() {
        return counts.waiting
      },
      get sessions() {
        return counts.sessions
      },
      acquire: () => Promise.resolve({ account, release: () => void released.count++ }),
    } as unknown as Pool
    return { watched: watchPool(pool, rules, () => bounds, createVirtualClock()), state, counts, released, broken }
  }

  test('kept in order, nothing is said', async () => {
    const { watched, state, released, broken } = createStage()
    state.inFlight = 1
    const lease = await watched.pool.acquire(ask)
    watched.sweep()
    state.inFlight = 0
    lease?.release()
    watched.sweep()
    expect([broken, watched.slots, released.count]).toEqual([[], 0, 1])
  })

  test('a slot that is not given back, or given back twice, is noticed', async () => {
    const { watched, state, broken } = createStage()
    state.inFlight = 1
    const lease = await watched.pool.acquire(ask)
    lease?.release()
    watched.sweep()
    state.inFlight = -1
    watched.sweep()
    expect(broken).toEqual([1, 1])
  })

  test('more in flight than allowed is noticed when it happens', async () => {
    const { watched, state, broken } = createStage()
    state.inFlight = 3
    await watched.pool.acquire(ask)
    expect(broken).toEqual([2])
  })

  test('maps that outgrow their bound and rests beyond the longest are noticed', () => {
    const { watched, state, counts, broken } = createStage()
    Object.assign(counts, { waiting: 11, sessions: 11 })
    state.health.set('quota', { reason: 'quota', until: Infinity })
    watched.sweep()
    expect(broken).toEqual([29, 19, 19])
  })
})

describe('answers (3, 4, 10, 11, 13, 15, 16)', () => {
  const call: UpstreamCall = {
    method: 'POST',
    origin: 'https://vendor.example',
    path: '/v1/messages',
    headers: [['authorization', 'Bearer a-key-of-the-vendor']],
    body: null,
    proxy: null,
  }
  const bounds = {
    calls: 3,
    origins: new Set(['https://vendor.example']),
    clientSecrets: ['a-token-of-a-client'],
    upstreamSecrets: ['a-key-of-the-vendor'],
    isCancelling: true,
  }
  const ear: UpstreamListener = { onHead() {}, onData: () => true, onEnd() {}, onFailure() {} }

  /** Serves one request by `behave`, which gets a client whose calls never end by themselves. */
  async function serveOnce(behave: (client: UpstreamClient, ...rest: Parameters<RequestListener>) => void) {
    const { rules, broken } = createBooks()
    const clock = createVirtualClock()
    const answers = watchAnswers(rules, () => bounds, clock)
    const ends: UpstreamListener[] = []
    const client = answers.client({
      active: 0,
      update() {},
      close: () => Promise.resolve(),
      send: (_call, listener) => (ends.push(listener), { abort() {}, resume() {} }),
    })
    const arrived = createDeferred()
    const listener = answers.listener((incoming, outgoing) => {
      behave(client, incoming, outgoing)
      arrived.resolve()
    })
    const server = await listen({ host: '127.0.0.1', port: 0, clock, listener })
    onTestFinished(() => server.close())
    const sent = request({ port: server.port, agent: false }, (answer) => answer.resume())
    sent.on('error', () => {}).end()
    await arrived.promise
    return { broken, clock, answers, sent, ends }
  }

  const SSE = { 'content-type': 'text/event-stream' }

  test('an orderly stream after a failed attempt says nothing', async () => {
    const { broken } = await serveOnce((client, _, outgoing) => {
      outgoing.writeHead(200, SSE)
      outgoing.write(': still there\n\n')
      client.send(call, ear).abort()
      client.send(call, ear).abort()
      outgoing.write('event: message_start\ndata: {}\n\n')
      outgoing.end('event: message_stop\ndata: {}\n\n')
    })
    expect(broken).toEqual([])
  })

  test.each<[string, number[], Parameters<typeof serveOnce>[0]]>([
    ['two calls at once', [3], (client) => (client.send(call, ear), client.send(call, ear))],
    [
      'a call behind content',
      [4],
      (client, _, outgoing) => {
        outgoing.writeHead(200, SSE)
        outgoing.write('event: message_start\ndata: {}\n\n')
        client.send(call, ear)
      },
    ],
    ['more calls than allowed', [15], (client) => [1, 2, 3, 4].forEach(() => client.send(call, ear).abort())],
    ['a host of nobody', [11], (client) => client.send({ ...call, origin: 'https://evil.example' }, ear)],
    [
      'a client’s token sent upstream',
      [10],
      (client) => client.send({ ...call, headers: [['x-api-key', 'a-token-of-a-client']] }, ear),
    ],
    ['a vendor’s key in an answer', [10], (_client, _, outgoing) => outgoing.end('your key is a-key-of-the-vendor')],
    [
      'a stream that ends in silence',
      [13],
      (_client, _, outgoing) => outgoing.writeHead(200, SSE).end('event: message_start\ndata: {}\n\n'),
    ],
    [
      'a write behind the end',
      [13],
      (_client, _, outgoing) => {
        outgoing.on('error', () => {}).end('{}')
        outgoing.write('{}')
      },
    ],
  ])('%s: noticed', async (_what, expected, behave) => {
    expect((await serveOnce(behave)).broken).toEqual(expected)
  })

  test('a call that goes on 100 ms after its client has left is noticed, and not before', async () => {
    const { broken, clock, answers, sent, ends } = await serveOnce((client) => client.send(call, ear))
    expect([answers.open, answers.calls]).toEqual([1, 1])
    sent.socket?.resetAndDestroy()
    await expect.poll(() => answers.open).toBe(0)
    await clock.advance(99)
    expect(broken).toEqual([])
    await clock.advance(1)
    ends[0]?.onEnd()
    expect([broken, answers.calls]).toEqual([[16], 0])
  })

  test('a client that left before its request was let in is not waited for', async () => {
    const clock = createVirtualClock()
    const answers = watchAnswers(createBooks().rules, () => bounds, clock)
    const [arrived, served] = [createDeferred(), createDeferred()]
    const watched = answers.listener(() => served.resolve())
    const listener: RequestListener = (incoming, outgoing) => {
      arrived.resolve()
      outgoing.once('close', () => watched(incoming, outgoing))
    }
    const server = await listen({ host: '127.0.0.1', port: 0, clock, listener })
    onTestFinished(() => server.close())
    const sent = request({ port: server.port, agent: false }).on('error', () => {})
    sent.end()
    await arrived.promise
    sent.socket?.resetAndDestroy()
    await served.promise
    expect(answers.open).toBe(0)
  })
})

describe('sign-ins (5, 6, 7)', () => {
  const signIn = (refresh: string, access: string): SignIn => ({
    type: 'oauth',
    refreshToken: new Secret(refresh),
    accessToken: new Secret(access),
    expiresAt: 0,
    accountId: null,
  })

  function createStage() {
    const { rules, broken } = createBooks()
    const watched = watchSignIns(rules)
    const disk = createDeferred()
    const store = watched.store({
      save: () => disk.promise.then(() => ({ kind: 'kept', complaint: null })),
    } as unknown as CredentialStore)
    const client = watched.signInClient({
      refresh: async (_route, token, keep) => {
        await keep({ accessToken: new Secret('access-2'), refreshToken: token } as never)
        return { kind: 'failed', message: '', judgement: null }
      },
    } as Pick<SignInClient, 'refresh'> as SignInClient)
    const keeper = watched.keeper({
      current: () => Promise.resolve({ type: 'bearer', secret: new Secret('access-2'), accountId: null }),
    } as Pick<TokenKeeper, 'current'> as TokenKeeper)
    return { broken, disk, store, client, keeper }
  }

  test('a token is used when it is on disk, and not before', async () => {
    const { broken, disk, store, client, keeper } = createStage()
    const refreshed = client.refresh({ proxy: null }, new Secret('refresh-1'), async () => {
      await store.save('one', signIn('refresh-2', 'access-2'), { token: 'refresh-1' })
    })
    await settle()
    await keeper.current(makeAccount('one'))
    expect(broken).toEqual([5])
    disk.resolve()
    await refreshed
    await keeper.current(makeAccount('one'))
    expect(broken).toEqual([5])
  })

  test('the same token in two refreshes at once is noticed', async () => {
    const { broken, client } = createStage()
    const hold = createDeferred()
    void client.refresh({ proxy: null }, new Secret('refresh-1'), () => hold.promise)
    void client.refresh({ proxy: null }, new Secret('refresh-1'), () => hold.promise)
    expect(broken).toEqual([6])
    hold.resolve()
  })

  test('an older token written over a newer one is noticed', async () => {
    const { broken, disk, store } = createStage()
    disk.resolve()
    await store.save('one', signIn('refresh-2', 'access-2'), { token: 'refresh-1' })
    await store.save('one', signIn('refresh-3', 'access-3'), { token: 'refresh-2' })
    expect(broken).toEqual([])
    await store.save('one', signIn('refresh-1', 'access-1'), null)
    expect(broken).toEqual([7])
  })
})

test('a timer counts until it has fired or was cancelled', async () => {
  const virtual = createVirtualClock()
  const clock = watchClock(virtual)
  clock.timer(10, () => {})
  clock.timer(20, () => {}).cancel()
  const every = clock.every(5, () => {})
  expect(clock.timers).toBe(2)
  await virtual.advance(10)
  expect(clock.timers).toBe(1)
  every.cancel()
  every.cancel()
  expect(clock.timers).toBe(0)
})
