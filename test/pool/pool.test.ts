import { describe, expect, test } from 'vitest'
import type { Account } from '../../src/core/account.ts'
import { ClientDeparture } from '../../src/core/departure.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import { createPool, type Lease, type Pool, type PoolRequest, type PoolSettings } from '../../src/pool/pool.ts'
import { makeAccount } from '../harness/accounts.ts'
import { createVirtualClock, settle } from '../harness/clock.ts'

const clockAtStart = createVirtualClock

function makePool(accounts: Account[], settings: Partial<PoolSettings> = {}) {
  const clock = clockAtStart()
  const pool = createPool({
    accounts,
    protocolsOf: () => ['anthropic'],
    strategy: 'least_in_flight',
    stickySessionTtlMs: 3_600_000,
    queue: { timeoutMs: 30_000, size: 100 },
    longestCooldownMs: 6 * 3_600_000,
    clock,
    ...settings,
  })
  return { pool, clock }
}

function ask(facts: Partial<PoolRequest> = {}): PoolRequest {
  return {
    protocol: 'anthropic',
    model: 'claude-test',
    confinedTo: [],
    group: 'alice',
    sessionKeys: [],
    tried: new Set(),
    prefer: null,
    isTranslatable: false,
    takesSlot: true,
    mayWait: true,
    gone: new ClientDeparture(),
    outlivesClient: false,
    ...facts,
  }
}

async function take(pool: Pool, facts: Partial<PoolRequest> = {}): Promise<Lease> {
  const lease = await pool.acquire(ask(facts))
  if (lease === null) throw new Error('expected a lease')
  return lease
}

const served = { firstContentMs: 100, wroteHourCache: false }

describe('order', () => {
  test('a lower priority number is used as long as it has a free slot', async () => {
    const { pool } = makePool([
      makeAccount('second', { priority: 60, concurrency: 9 }),
      makeAccount('first', { priority: 10, concurrency: 2 }),
    ])
    const names = [await take(pool), await take(pool), await take(pool)].map(({ account }) => account.name)
    expect(names).toEqual(['first', 'first', 'second'])
  })

  test('within a tier the least loaded serves, and equals take turns', async () => {
    const { pool } = makePool([makeAccount('a'), makeAccount('b'), makeAccount('c', { concurrency: 1 })])
    const names: string[] = []
    for (let i = 0; i < 5; i++) names.push((await take(pool)).account.name)
    expect(names).toEqual(['a', 'b', 'c', 'a', 'b'])
  })

  test('fill_first fills an account before it touches the next', async () => {
    const { pool } = makePool([makeAccount('a', { concurrency: 2 }), makeAccount('b')], { strategy: 'fill_first' })
    const names = [await take(pool), await take(pool), await take(pool)].map(({ account }) => account.name)
    expect(names).toEqual(['a', 'a', 'b'])
  })

  test('soonest_reset uses up first what expires first', async () => {
    const { pool, clock } = makePool([makeAccount('late'), makeAccount('soon')], { strategy: 'soonest_reset' })
    const [late, soon] = pool.states
    for (const [state, hours] of [
      [late, 4],
      [soon, 1],
    ] as const) {
      const resetsAt = clock.now() + hours * 3_600_000
      state?.windows.set('5h', { name: '5h', usedPercent: 50, resetsAt, isExhausted: false, seenAt: clock.now() })
    }
    expect((await take(pool)).account.name).toBe('soon')
  })

  test('a client that is confined to some accounts never gets another', async () => {
    const { pool } = makePool([makeAccount('a'), makeAccount('b', { tags: ['team'] })])
    expect((await take(pool, { confinedTo: ['team'] })).account.name).toBe('b')
    await expect(pool.acquire(ask({ confinedTo: ['nobody'] }))).rejects.toMatchObject({ kind: 'forbidden' })
  })
})

describe('which account serves which model', () => {
  test.each([
    ['claude-anything', 'anthropic'],
    ['gpt-5.5', 'openai'],
    ['o3-mini', 'openai'],
    ['codex-mini-latest', 'openai'],
    ['gemini-2.5-pro', 'gemini'],
    ['my-own-model', 'anthropic'],
  ] as const)('%s goes to %s when no account lists models', async (model, platform) => {
    const accounts = (['anthropic', 'openai', 'gemini'] as const).map((name) => makeAccount(name, { platform: name }))
    const { pool } = makePool(accounts)
    expect((await take(pool, { model })).account.name).toBe(platform)
  })

  test('a list serves exactly what its patterns match, without regard to case', async () => {
    const { pool } = makePool([makeAccount('local', { models: ['Qwen*', 'llama-3'] })])
    expect((await take(pool, { model: 'qwen3-coder' })).account.name).toBe('local')
    await expect(pool.acquire(ask({ model: 'claude-test' }))).rejects.toMatchObject({ kind: 'model_not_found' })
  })

  test('an unknown model is answered with the closest names there are', async () => {
    const { pool } = makePool([makeAccount('local', { models: ['qwen3-coder', 'llama-3'] })])
    await expect(pool.acquire(ask({ model: 'qwen3-code' }))).rejects.toThrow(/served are for example qwen3-coder/)
  })

  test('an account translates the name it is asked for', async () => {
    const { pool } = makePool([makeAccount('a', { modelMap: new Map([['claude-*', ['vendor-name']]]) })])
    expect((await take(pool)).upstreamModel).toBe('vendor-name')
  })

  test('input 69: twelve stars against a long name cost nothing', async () => {
    const { pool } = makePool([makeAccount('a', { models: ['*a*a*a*a*a*a*a*a*a*a*a*b'] })])
    await expect(pool.acquire(ask({ model: 'a'.repeat(200) }))).rejects.toMatchObject({ kind: 'model_not_found' })
  })
})

describe('concurrency', () => {
  test('the limit is never exceeded, and a freed slot goes to the waiter in the next turn', async () => {
    const { pool } = makePool([makeAccount('a', { concurrency: 1 })])
    const first = await take(pool)
    const waiting = pool.acquire(ask())
    expect([pool.states[0]?.inFlight, pool.waiting]).toEqual([1, 1])
    first.release()
    await settle(1)
    expect([pool.states[0]?.inFlight, pool.waiting]).toEqual([1, 0])
    ;(await waiting)?.release()
    expect(pool.states[0]?.inFlight).toBe(0)
  })

  test('whoever comes while a slot is on its way to a waiter comes behind that waiter', async () => {
    const { pool } = makePool([makeAccount('a', { concurrency: 1 })])
    const first = await take(pool)
    const served: string[] = []
    const enter = (name: string) => pool.acquire(ask()).then((lease) => (served.push(name), lease?.release()))
    const waiter = enter('waiter')
    first.release()
    await Promise.all([waiter, enter('newcomer')])
    expect(served).toEqual(['waiter', 'newcomer'])
  })

  test('of a crowd that leaves in one turn nobody who waited gets a slot', async () => {
    const { pool } = makePool([makeAccount('a', { concurrency: 1 })])
    const crowd = Array.from({ length: 20 }, () => new ClientDeparture())
    const leases = Promise.allSettled(crowd.map((gone) => pool.acquire(ask({ gone }))))
    for (const client of crowd) client.happen()
    const [first, ...others] = await leases
    expect([first?.status, new Set(others.map(({ status }) => status))]).toEqual(['fulfilled', new Set(['rejected'])])
    expect([pool.states[0]?.inFlight, pool.waiting]).toEqual([0, 0])
  })

  test('a slot is given back once, however often it is released', async () => {
    const { pool } = makePool([makeAccount('a')])
    const lease = await take(pool)
    lease.release()
    lease.release()
    expect(pool.states[0]?.inFlight).toBe(0)
  })

  test('a client that leaves gives its slot back by itself', async () => {
    const { pool } = makePool([makeAccount('a')])
    const client = new ClientDeparture()
    await take(pool, { gone: client })
    client.happen()
    expect(pool.states[0]?.inFlight).toBe(0)
  })

  test('waiters are served in order of arrival, and clients take turns', async () => {
    const { pool } = makePool([makeAccount('a', { concurrency: 1 })])
    const first = await take(pool)
    const served: string[] = []
    const waits = (['alice', 'alice', 'alice', 'bob', 'carol'] as const).map((group, index) =>
      pool.acquire(ask({ group })).then((lease) => {
        served.push(`${group}${index}`)
        lease?.release()
      }),
    )
    first.release()
    await Promise.all(waits)
    expect(served).toEqual(['alice0', 'bob3', 'carol4', 'alice1', 'alice2'])
  })

  test('who waits too long is told so, with a time to come back', async () => {
    const { pool, clock } = makePool([makeAccount('a', { concurrency: 1 })])
    await take(pool)
    const waiting = pool.acquire(ask())
    const refusal = expect(waiting).rejects.toMatchObject({
      kind: 'queue_timeout',
      code: 'relay_queue_timeout',
      retryAfterMs: 5_000,
      limitedBy: 'queue',
    })
    await clock.advance(30_000)
    await refusal
    expect([pool.waiting, clock.pending]).toEqual([0, 0])
  })

  test('a full queue refuses at once', async () => {
    const { pool } = makePool([makeAccount('a', { concurrency: 1 })], { queue: { timeoutMs: 30_000, size: 1 } })
    await take(pool)
    void pool.acquire(ask())
    await expect(pool.acquire(ask())).rejects.toMatchObject({ kind: 'queue_full', code: 'relay_queue_full' })
  })

  test('a waiter that leaves is out of the queue at once', async () => {
    const { pool, clock } = makePool([makeAccount('a', { concurrency: 1 })])
    await take(pool)
    const client = new ClientDeparture()
    const waiting = pool.acquire(ask({ gone: client }))
    client.happen()
    await expect(waiting).rejects.toMatchObject({ kind: 'client_gone' })
    expect([pool.waiting, clock.pending]).toEqual([0, 0])
  })

  test('a side call takes no slot and finds an account that is full', async () => {
    const { pool } = makePool([makeAccount('a', { concurrency: 1 })])
    await take(pool)
    expect((await take(pool, { takesSlot: false })).account.name).toBe('a')
    expect(pool.states[0]?.inFlight).toBe(1)
  })

  test('rpm spreads requests over the minute', async () => {
    const { pool, clock } = makePool([makeAccount('a', { rpm: 2, concurrency: 0 })])
    await take(pool)
    await take(pool)
    await expect(pool.acquire(ask())).rejects.toMatchObject({ kind: 'rate_limited', retryAfterMs: 60_000 })
    await clock.advance(60_000)
    expect((await take(pool)).account.name).toBe('a')
  })
})

describe('conversations', () => {
  const sessionKeys = ['conversation-1']

  test('a conversation stays on its account although another is idle', async () => {
    const { pool } = makePool([makeAccount('a'), makeAccount('b')])
    const names: string[] = []
    for (let turn = 0; turn < 4; turn++) {
      const lease = await take(pool, { sessionKeys })
      names.push(lease.account.name)
      pool.succeed(lease, served)
      lease.release()
    }
    expect(names).toEqual(['a', 'a', 'a', 'a'])
  })

  test('two first requests of one conversation land together', async () => {
    const { pool } = makePool([makeAccount('a'), makeAccount('b')])
    const [one, two] = await Promise.all([take(pool, { sessionKeys }), take(pool, { sessionKeys })])
    expect(one.account).toBe(two.account)
  })

  test('a busy home is helped out by another account and keeps its conversation', async () => {
    const { pool } = makePool([makeAccount('home', { concurrency: 1 }), makeAccount('other')])
    const first = await take(pool, { sessionKeys })
    pool.succeed(first, served)
    const loan = await take(pool, { sessionKeys })
    expect(loan.account.name).toBe('other')
    pool.succeed(loan, served)
    first.release()
    expect((await take(pool, { sessionKeys })).account.name).toBe('home')
  })

  test('a home that returns within ten seconds is waited for', async () => {
    const { pool, clock } = makePool([makeAccount('home'), makeAccount('other')])
    const first = await take(pool, { sessionKeys })
    pool.succeed(first, served)
    await clock.advance(1_000)
    const second = await take(pool, { sessionKeys })
    pool.fail(second, { reason: 'burst', retryAfterMs: 8_000, message: 'slow down' })
    second.release()
    const waiting = pool.acquire(ask({ sessionKeys }))
    await clock.advance(8_000)
    expect((await waiting)?.account.name).toBe('home')
  })

  test('a home that is out for longer than its cache stays warm is left for good', async () => {
    const { pool, clock } = makePool([makeAccount('home'), makeAccount('other')])
    const first = await take(pool, { sessionKeys })
    pool.succeed(first, served)
    await clock.advance(1_000)
    const second = await take(pool, { sessionKeys })
    pool.fail(second, { reason: 'unauthorized', message: 'bad key' })
    second.release()
    const moved = await take(pool, { sessionKeys, tried: new Set([second.account]) })
    pool.succeed(moved, served)
    moved.release()
    await clock.advance(700_000)
    expect((await take(pool, { sessionKeys })).account.name).toBe('other')
  })

  test('a home that became three times slower than its tier twice in a row is left', async () => {
    const { pool } = makePool([makeAccount('home'), makeAccount('other')])
    const peer = await take(pool, { confinedTo: ['other'] })
    for (let i = 0; i < 5; i++) pool.succeed(peer, { ...served, firstContentMs: 1_000 })
    for (let turn = 0; turn < 2; turn++) {
      const lease = await take(pool, { sessionKeys, ...(turn === 0 ? { confinedTo: ['home'] } : {}) })
      expect(lease.account.name).toBe('home')
      pool.succeed(lease, { ...served, firstContentMs: 9_000 })
      lease.release()
    }
    const home = pool.states.find(({ account }) => account.name === 'home')?.account as Account
    const lease = await take(pool, { sessionKeys, tried: new Set([home]) })
    pool.succeed(lease, served)
    lease.release()
    expect((await take(pool, { sessionKeys })).account.name).toBe('other')
  })

  test('the memory of conversations is bounded, and keeps the newest', async () => {
    const { pool } = makePool([makeAccount('a', { concurrency: 0 })])
    for (let i = 0; i < 10_150; i++) (await take(pool, { sessionKeys: [`s${i}`] })).release()
    expect(pool.sessions).toBeGreaterThan(9_890)
    expect(pool.sessions).toBeLessThanOrEqual(10_000)
    const keys = new Set(pool.listSessions().map(({ key }) => key))
    expect([keys.has('s0'), keys.has('s10149')]).toEqual([false, true])
  })

  test('a conversation that is not heard of for its time is forgotten, and counted no more', async () => {
    const { pool, clock } = makePool([makeAccount('a', { concurrency: 0 })], { stickySessionTtlMs: 60_000 })
    for (const key of ['old', 'older']) (await take(pool, { sessionKeys: [key] })).release()
    await clock.advance(30_000)
    ;(await take(pool, { sessionKeys: ['young'] })).release()
    expect(pool.sessions).toBe(3)
    await clock.advance(30_000)
    expect(pool.sessions).toBe(1)
  })

  test('sticky_session_ttl 0 turns it off', async () => {
    const { pool } = makePool([makeAccount('a'), makeAccount('b')], { stickySessionTtlMs: 0 })
    const one = await take(pool, { sessionKeys })
    pool.succeed(one, served)
    one.release()
    expect((await take(pool, { sessionKeys })).account.name).toBe('b')
  })
})

describe('when nobody can serve', () => {
  test('all resting: the refusal names the soonest return', async () => {
    const { pool } = makePool([makeAccount('a'), makeAccount('b')])
    for (const seconds of [300, 120]) {
      const lease = await take(pool)
      pool.fail(lease, { reason: 'burst', retryAfterMs: seconds * 1_000, message: 'slow down' })
      lease.release()
    }
    const refusal = (await pool.acquire(ask()).catch((error: unknown) => error)) as GatewayError
    expect(refusal).toMatchObject({ kind: 'rate_limited', status: 429, retryAfterMs: 120_000, retryable: false })
    expect(refusal.message).toMatch(/all 2 accounts .* the first returns in 2m, at 2026-11-20T12:02:00Z/)
  })

  test('a rest that ends within the queue timeout is waited for', async () => {
    const { pool, clock } = makePool([makeAccount('a')])
    const lease = await take(pool)
    pool.fail(lease, { reason: 'burst', retryAfterMs: 20_000, message: 'slow down' })
    lease.release()
    const waiting = pool.acquire(ask())
    await clock.advance(20_000)
    expect((await waiting)?.account.name).toBe('a')
  })

  test('passing trouble never leaves a model without an account', async () => {
    const { pool } = makePool([makeAccount('only')])
    for (let i = 0; i < 8; i++) {
      const lease = await take(pool)
      pool.fail(lease, { reason: 'transient', message: 'HTTP 500' })
      lease.release()
    }
    expect(pool.states[0]?.health.get('transient')?.streak).toBe(8)
  })

  test('after a burst one request tries; the others wait for its success', async () => {
    const { pool, clock } = makePool([makeAccount('a')])
    const first = await take(pool)
    pool.fail(first, { reason: 'burst', retryAfterMs: 5_000, message: 'slow down' })
    first.release()
    await clock.advance(5_000)
    const trial = await take(pool)
    const other = pool.acquire(ask())
    expect([pool.states[0]?.inFlight, pool.waiting]).toEqual([1, 1])
    pool.markServing(trial)
    pool.succeed(trial, served)
    trial.release()
    expect((await other)?.account.name).toBe('a')
  })

  test('when the trial proves itself by its first content, the others need not wait for its end', async () => {
    const { pool, clock } = makePool([makeAccount('a')])
    const first = await take(pool)
    pool.fail(first, { reason: 'burst', retryAfterMs: 5_000, message: 'slow down' })
    first.release()
    await clock.advance(5_000)
    const trial = await take(pool)
    const other = pool.acquire(ask())
    pool.markServing(trial)
    expect((await other)?.account.name).toBe('a')
  })

  test('an answer with room in its windows lifts a quota rest at once', async () => {
    const { pool } = makePool([makeAccount('a')])
    const running = await take(pool)
    const limited = await take(pool)
    pool.fail(limited, { reason: 'quota', retryAfterMs: 3_600_000, message: 'limit reached' })
    pool.observe(running, [{ name: '5h', usedPercent: 3, resetsAt: null, isExhausted: false }], true)
    expect((await take(pool)).account.name).toBe('a')
  })

  test('an account with a problem is passed over, and named as needing attention when it is the last', async () => {
    const broken = makeAccount('broken', { problem: 'no key' })
    expect((await take(makePool([broken, makeAccount('fine')]).pool)).account.name).toBe('fine')
    await expect(makePool([broken]).pool.acquire(ask())).rejects.toMatchObject({
      kind: 'unavailable',
      retryable: false,
    })
  })

  test('an unreachable proxy rests every account behind it, and no other', async () => {
    const { Secret } = await import('../../src/core/secret.ts')
    const proxy = (url: string): Partial<Account> => ({ proxy: new Secret(url), priority: 10 })
    const { pool } = makePool([
      makeAccount('a', proxy('http://p1:1')),
      makeAccount('b', proxy('http://p1:1')),
      makeAccount('c', { priority: 90 }),
    ])
    const lease = await take(pool)
    pool.fail(lease, { reason: 'proxy', message: 'refused' })
    lease.release()
    expect((await take(pool)).account.name).toBe('c')
  })

  test('a quota reserve is kept for the conversations that are at home there', async () => {
    const { pool, clock } = makePool([makeAccount('a', { reservePercent: 10, priority: 1 }), makeAccount('b')])
    const home = await take(pool, { sessionKeys: ['s'] })
    pool.succeed(home, served)
    const reading = { name: '5h', usedPercent: 95, resetsAt: clock.now() + 3_600_000, isExhausted: false }
    pool.observe(home, [reading], true)
    expect((await take(pool)).account.name).toBe('b')
    expect((await take(pool, { sessionKeys: ['s'] })).account.name).toBe('a')
  })
})
