import { afterEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { settle } from '../harness/clock.ts'
import { after, answerText, before, cut, fail, failInStream, pause, stall } from '../harness/reactions.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { readJsonEvents, readText } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

/** A Claude account that is tried first and a GPT account behind it, both asked for the same name. */
async function start(settings: JsonObject = {}): Promise<{ vendor: Vendor; relay: TestRelay }> {
  const vendor = await startVendor()
  const shared = { base_url: vendor.url, models: ['any'] }
  const relay = await startRelay({
    accounts: [
      { name: 'claude', platform: 'anthropic', api_key: 'c', priority: 1, ...shared },
      { name: 'gpt', platform: 'openai', wire_api: 'responses', api_key: 'g', priority: 2, ...shared },
    ],
    ...settings,
  })
  running.push(vendor.close, relay.stop)
  return { vendor, relay }
}

const ask = (relay: TestRelay, stream = true) =>
  relay.post('/v1/chat/completions', { model: 'any', stream, messages: [{ role: 'user', content: 'hello' }] })

describe('failover over the hub lane', () => {
  test.each([
    ['a limit', fail(429)],
    ['an overload told as the first event', failInStream(529)],
    ['a stream that breaks before its content', answerText('never', after('start', cut()))],
  ])('%s on an account of one protocol is answered by an account of another', async (_what, reaction) => {
    const { vendor, relay } = await start()
    vendor.forKey('c').script(reaction)
    const answer = await ask(relay)
    expect([answer.status, readText(answer.body)]).toEqual([200, 'hello'])
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'gpt', 'x-relay-attempts': '2' })
    expect(relay.inFlight()).toEqual({ claude: 0, gpt: 0 })
  })

  test('a stream that breaks after its content ends in an error of the client, and nobody else is asked', async () => {
    const { vendor, relay } = await start()
    vendor.script(answerText('one two three', after('content', cut())))
    const answer = await ask(relay)
    expect(readJsonEvents(answer.body).at(-1)).toHaveProperty('error')
    expect(vendor.requests).toHaveLength(1)
  })

  test('a whole answer that breaks in its middle is answered by another account', async () => {
    const { vendor, relay } = await start()
    vendor.forKey('c').script(answerText('one two three', after('content', cut())))
    const answer = await ask(relay, false)
    expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('hello')])
    expect(answer.headers['x-relay-account']).toBe('gpt')
  })

  test('a vendor that sends a head and then nothing is left after first_byte_timeout', async () => {
    const { vendor, relay } = await start({ first_byte_timeout: '10s' })
    vendor.forKey('c').script(answerText('never', before('start', stall())))
    const waiting = ask(relay)
    await vendor.received(1)
    await settle()
    await relay.clock.advance(10_500)
    expect((await waiting).headers).toMatchObject({ 'x-relay-account': 'gpt', 'x-relay-attempts': '2' })
  })

  test('a client that leaves takes the call with it', async () => {
    const { vendor, relay } = await start()
    vendor.script(answerText('one two', after('content', pause())))
    const answer = ask(relay)
    await answer.until('one')
    answer.abort('reset')
    await vendor.requests[0]?.closed
    expect(vendor.requests[0]?.isAborted).toBe(true)
    expect(relay.inFlight()).toEqual({ claude: 0, gpt: 0 })
  })
})
