/**
 * What has been promised to the client decides what may still change: nothing sent, everything; the status sent, the
 * account; content sent, nothing any more.
 */
import { describe, expect, test } from 'vitest'
import { after, answerText, before, beforeHead, cut, errorEvent, fail, pause, stall } from '../harness/reactions.ts'
import { readJsonEvents, readSse, readText } from '../harness/sse.ts'
import { attemptsIn, MINUTE, SECOND, servedBy, start } from './failover-stage.ts'
import { PROTOCOLS, readStreamError } from './four-dialects.ts'

const COMMENTED = PROTOCOLS.filter((protocol) => protocol !== 'gemini')

describe('the status is spent, the account is not', () => {
  test.each(COMMENTED)(
    'a %s stream that has only seen signs of life is answered by another account',
    async (protocol) => {
      const { vendor, relay, ask, calls } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(answerText('never', beforeHead(stall())))
      const asked = ask({ stream: true })
      await relay.clock.advance(2 * MINUTE + SECOND)
      const answer = await asked
      expect([answer.status, readText(answer.body), attemptsIn(answer)]).toEqual([200, 'hello', ['att_2']])
      expect(readSse(answer.body).comments).toEqual(Array.from({ length: 8 }, () => 'keepalive'))
      expect(calls()).toEqual(['a', 'b'])
    },
  )

  test.each(COMMENTED)("a %s stream for which nobody is left ends in the dialect's error event", async (protocol) => {
    const { vendor, relay, ask } = await start(['a', 'b'], { protocol })
    vendor.forKey('a').script(answerText('never', beforeHead(stall())))
    vendor.forKey('b').script(fail(429, { message: 'b is at its limit', headers: { 'retry-after': '50' } }))
    const asked = ask({ stream: true })
    await relay.clock.advance(2 * MINUTE + SECOND)
    const answer = await asked
    expect([answer.status, answer.headers['content-type']]).toEqual([200, expect.stringContaining('text/event-stream')])
    expect(readStreamError(protocol, answer.body).message).toMatch(/limit|return/)
  })

  test('Gemini, whose client takes no comments, keeps the status too', async () => {
    const { vendor, relay, ask } = await start(['a', 'b'], { protocol: 'gemini' })
    vendor.forKey('a').script(answerText('never', beforeHead(stall())))
    vendor.forKey('b').script(fail(429, { headers: { 'retry-after': '50' } }))
    const asked = ask({ stream: true })
    await relay.clock.advance(2 * MINUTE + SECOND)
    expect((await asked).status).toBe(429)
  })
})

describe('content has flowed', () => {
  test.each(PROTOCOLS)("a %s stream that breaks is nobody else's: an error event ends it", async (protocol) => {
    const { vendor, ask, calls } = await start(['a', 'b'], { protocol })
    vendor.forKey('a').script(answerText('hello there', after('content', cut())))
    const answer = await ask({ stream: true })
    expect([answer.status, answer.headers['x-relay-account'], attemptsIn(answer)]).toEqual([200, 'a', ['att_1']])
    expect(readStreamError(protocol, answer.body).message).toMatch(/^sub2api-simple: /)
    expect(calls()).toEqual(['a'])
  })

  test.each(PROTOCOLS)(
    'a %s error event of the upstream passes as it is, and the account has failed',
    async (protocol) => {
      const { vendor, ask, calls, stateOf } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(answerText('hello there', after('content', errorEvent(529, { code: 'slow_down' }))))
      const answer = await ask({ stream: true })
      expect(answer.body).toEqual(vendor.bytesSent(1))
      expect(calls()).toEqual(['a'])
      expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'overloaded' }])
    },
  )

  test('reasoning is content: what breaks behind it is not begun again', async () => {
    const { vendor, ask, calls } = await start(['a', 'b'])
    const thinking =
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}\n\n'
    vendor.forKey('a').script(answerText('never', before('content', thinking, cut())))
    const answer = await ask({ stream: true })
    expect(readJsonEvents(answer.body).at(-1)).toMatchObject({ type: 'error' })
    expect(calls()).toEqual(['a'])
  })
})

describe('start events', () => {
  test.each(COMMENTED)(
    'of a %s answer are held: when nothing follows for hold_start they go out, and nobody else may',
    async (protocol) => {
      const { vendor, relay, ask, calls } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(answerText('never', after('start', pause(), cut())))
      const asked = ask({ stream: true })
      await vendor.received(1)
      await relay.clock.advance(2750)
      expect(asked.bodySoFar().length).toBe(0)
      await relay.clock.advance(500)
      expect(asked.bodySoFar().toString()).toContain('att_1')
      vendor.resume()
      const answer = await asked
      expect([answer.status, attemptsIn(answer)]).toEqual([200, ['att_1']])
      expect(readStreamError(protocol, answer.body).message).toMatch(/^sub2api-simple: /)
      expect(calls()).toEqual(['a'])
    },
  )

  test.each(COMMENTED)(
    'of a %s answer that breaks within hold_start were never sent: another account answers',
    async (protocol) => {
      const { vendor, relay, ask } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(answerText('never', after('start', pause(), cut())))
      const asked = ask({ stream: true })
      await vendor.received(1)
      await relay.clock.advance(2 * SECOND)
      vendor.resume()
      const answer = await asked
      expect([...servedBy(answer), attemptsIn(answer)]).toEqual([200, 'b', 2, ['att_2']])
    },
  )
})
