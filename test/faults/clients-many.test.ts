/**
 * Many requests at once: on one connection, from clients that repeat themselves, from more clients than there are slots.
 */
import { describe, expect, test } from 'vitest'
import { settle } from '../harness/clock.ts'
import { rawConnect, type RawResponse } from '../harness/raw-client.ts'
import { after, answerText, beforeHead, fail, pause, stall } from '../harness/reactions.ts'
import { onlyInThisProcess } from '../harness/relay-program.ts'
import { TOKEN } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'
import { collectWarnings } from '../harness/warnings.ts'
import { ASK, leftBehind, readRefusal, setStage } from '../http/stage.ts'

const headers = { authorization: `Bearer ${TOKEN}` }
const question = (text: string, stream = false) => ({
  model: 'claude-test',
  max_tokens: 9,
  stream,
  messages: [{ role: 'user', content: text }],
})
const accountsNamed = (...names: string[]) => names.map((name) => ({ name, api_key: name }))
const statuses = (answers: readonly RawResponse[]): Set<number> => new Set(answers.map(({ status }) => status))

describe('row 60: requests sent one behind the other, without waiting', () => {
  test('are answered in their order, although the second was ready first', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(answerText('slow', beforeHead(pause())), answerText('quick'))
    const connection = rawConnect(relay.port)
    const slow = connection.send({ path: '/v1/messages', headers, body: question('one', true) })
    const quick = connection.send({ path: '/v1/messages', headers, body: question('two', true) })
    await vendor.received(2)
    await settle()
    expect([slow.bodySoFar().length, quick.bodySoFar().length]).toEqual([0, 0])
    vendor.resume()
    expect([readText((await slow).body), readText((await quick).body)]).toEqual(['slow', 'quick'])
    connection.abort()
  })

  test('wait for a stream of ten minutes: a turn that has not come is no stall', async () => {
    const { vendor, relay } = await setStage({ stream_read_timeout: '15m' })
    vendor.script(answerText('slow', after('content', pause())), answerText('quick'))
    const connection = rawConnect(relay.port)
    const slow = connection.send({ path: '/v1/messages', headers, body: question('one', true) })
    const quick = connection.send({ path: '/v1/messages', headers, body: question('two') })
    const refused = connection.send({ path: '/v1/messages', headers, body: {} })
    await slow.until('slow')
    await relay.clock.advance(600_000)
    vendor.resume()
    const answers = await Promise.all([slow, quick, refused])
    expect(answers.map(({ status, ended }) => [status, ended])).toEqual([
      [200, 'clean'],
      [200, 'clean'],
      [400, 'clean'],
    ])
    connection.abort()
  })

  test.each(['close', 'reset'] as const)('a client that leaves with a %s takes all of them along', async (how) => {
    const { vendor, relay } = await setStage()
    vendor.always(answerText('hello', after('content', stall())))
    const connection = rawConnect(relay.port)
    for (let i = 0; i < 3; i++) void connection.send({ path: '/v1/messages', headers, body: question(`${i}`, i !== 1) })
    await vendor.received(3)
    connection.abort(how)
    await relay.clock.advance(100)
    expect(leftBehind({ vendor, relay })).toEqual({ leases: 0, waiting: 0, watched: 0, active: 0 })
  })
})

describe('row 61: a client that repeats itself while the relay fails over', () => {
  test('costs at most its own tries times the accounts', async () => {
    const { vendor, relay } = await setStage({ accounts: accountsNamed('a', 'b', 'c') })
    vendor.always(fail(500))
    for (let tries = 1; tries <= 3; tries++) {
      expect((await relay.post('/v1/messages', question('again'))).status).toBe(502)
      expect(vendor.requests.length).toBeLessThanOrEqual(3 * tries)
    }
  })

  test('meets the retry budget: of 40 failing at once no more than 8 are in a second attempt', async () => {
    onlyInThisProcess('the turns of this event loop')
    const { vendor, relay } = await setStage({
      accounts: accountsNamed('bad', 'good').map((account, i) => ({ ...account, priority: i + 1, concurrency: 0 })),
    })
    vendor.forKey('bad').always(fail(500, {}, beforeHead(pause())))
    vendor.forKey('good').always(answerText('hello', beforeHead(pause())))
    const clients = Array.from({ length: 40 }, (_, i) => relay.post('/v1/messages', question(`${i}`)))
    await vendor.received(40)
    for (const request of vendor.forKey('bad').requests) request.resume()
    await settle(200)
    expect(vendor.forKey('good').load.active).toBe(8)
    while (vendor.forKey('good').requests.length < 40) {
      for (const request of vendor.forKey('good').requests) if (request.isActive) request.resume()
      await settle()
    }
    for (const request of vendor.forKey('good').requests) request.resume()
    expect(statuses(await Promise.all(clients))).toEqual(new Set([200]))
    expect(vendor.forKey('good').load.peak).toBeLessThanOrEqual(8)
  })
})

describe('row 62: 2,000 at once with three slots', () => {
  test('three are served, a hundred wait, the rest hear 429 at once; the limit holds to the end', async () => {
    onlyInThisProcess('the numbers of the pool')
    const { vendor, relay } = await setStage({ accounts: [{ name: 'one', api_key: 'one', concurrency: 3 }] })
    vendor.always(answerText('hello', beforeHead(pause())))
    const clients = Array.from({ length: 2000 }, (_, i) => relay.post('/v1/messages', question(`${i}`)))
    await vendor.received(3)
    while (relay.log.length < 1897) await settle()
    expect(leftBehind({ vendor, relay })).toEqual({ leases: 3, waiting: 100, watched: 106, active: 3 })

    while (relay.log.length < 2000) {
      vendor.resume()
      await settle(1)
      expect(relay.inFlight()['one']).toBeLessThanOrEqual(3)
    }
    const answers = await Promise.all(clients)
    expect(vendor.load.peak).toBe(3)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(103)
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(1897)
    const [one] = refused as [RawResponse]
    expect(readRefusal('anthropic', one)).toMatchObject({
      word: 'rate_limit_error',
      message: expect.stringMatching(/^sub2api-simple: all accounts are busy/),
    })
    expect(one.headers).toMatchObject({ 'retry-after': '5', 'x-relay-limited-by': 'queue' })
  })

  test('first come, first served', async () => {
    const { vendor, relay } = await setStage({ accounts: [{ name: 'one', api_key: 'one', concurrency: 1 }] })
    vendor.always(answerText('hello', beforeHead(pause())))
    const clients = []
    for (let i = 0; i < 30; i++) {
      clients.push(relay.post('/v1/messages', question(`${i}`)))
      await settle()
    }
    for (let i = 0; i < 30; i++) {
      vendor.resume()
      await settle()
    }
    await Promise.all(clients)
    const order = vendor.requests.map(({ bytes }) => /"content":"(\d+)"/.exec(bytes.toString())?.[1])
    expect(order).toEqual(Array.from({ length: 30 }, (_, i) => `${i}`))
  })

  test('a client of few requests takes turns with a client of many', async () => {
    const { vendor, relay } = await setStage({
      accounts: [{ name: 'one', api_key: 'one', concurrency: 1 }],
      auth_tokens: [
        { token: 'the-token-of-an-agent', name: 'agent' },
        { token: 'the-token-of-a-person', name: 'person' },
      ],
    })
    vendor.always(answerText('hello', beforeHead(pause())))
    const ask = (who: string, text: string) =>
      relay.post('/v1/messages', question(text), { headers: { authorization: `Bearer the-token-of-${who}` } })
    const clients = []
    for (let i = 0; i < 50; i++) clients.push(ask('an-agent', 'much'))
    await vendor.received(1)
    await settle()
    for (let i = 0; i < 3; i++) clients.push(ask('a-person', 'little'))
    await settle()
    for (let i = 0; i < 53; i++) {
      vendor.resume()
      await settle()
    }
    await Promise.all(clients)
    const order = vendor.requests.map(({ bytes }) => bytes.includes('"little"'))
    expect(order.lastIndexOf(true)).toBeLessThan(8)
  })

  test('who has waited 30 s hears 429, and who streams has had signs of life until then', async () => {
    const { vendor, relay } = await setStage({ accounts: [{ name: 'one', api_key: 'one', concurrency: 1 }] })
    vendor.script(answerText('hello', beforeHead(pause())))
    const first = relay.post('/v1/messages', question('first'))
    await vendor.received(1)
    const whole = relay.post('/v1/messages', question('whole'))
    const stream = relay.post('/v1/messages', question('stream', true))
    await settle()
    await relay.clock.advance(29_000)
    expect(stream.bodySoFar().toString()).toBe(': keepalive\n\n')
    await relay.clock.advance(1_500)
    expect(readRefusal('anthropic', await whole)).toMatchObject({ status: 429, word: 'rate_limit_error' })
    const { status, ended, body } = await stream
    expect([status, ended]).toEqual([200, 'clean'])
    expect(body.toString()).toMatch(/event: error\ndata: \{.*"rate_limit_error"/)
    vendor.resume()
    expect((await first).status).toBe(200)
    expect(vendor.requests).toHaveLength(1)
  })
})

test('a connection serves request after request, and many at once, and no listener stays behind', async () => {
  const { relay } = await setStage({ accounts: [{ name: 'one', api_key: 'one', concurrency: 0 }] })
  const warnings = collectWarnings()
  const connection = rawConnect(relay.port)
  for (let i = 0; i < 30; i++) expect((await connection.send({ ...ASK.anthropic, headers })).status).toBe(200)
  const atOnce = Array.from({ length: 30 }, () => connection.send({ ...ASK.anthropic, headers }))
  expect(statuses(await Promise.all(atOnce))).toEqual(new Set([200]))
  connection.abort()
  expect(warnings).toEqual([])
})
