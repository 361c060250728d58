/**
 * Failures that come under another name: an overload told as a 400, inside a 200, or as the first event of a stream that
 * began well. They count as what they are.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { after, answerText, before, errorEvent, fail, failInStream } from '../harness/reactions.ts'
import { readText } from '../harness/sse.ts'
import { attemptsIn, errorIn, servedBy, start } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

interface Words {
  type?: string
  code?: string
  message: string
  extra?: JsonObject
}

/** How vendors say it, whatever the status says. */
const OVERLOADS: Record<Protocol, Words[]> = {
  anthropic: [{ type: 'overloaded_error', message: 'Overloaded' }],
  'openai-responses': [
    { type: 'server_error', code: 'server_is_overloaded', message: 'Our servers are currently overloaded.' },
    { type: 'server_error', code: 'slow_down', message: 'Slow down.' },
  ],
  'openai-chat': [{ type: 'server_error', code: 'server_is_overloaded', message: 'Overloaded' }],
  gemini: [{ type: 'UNAVAILABLE', message: 'The model is overloaded. Please try again later.' }],
}
const BURSTS: Record<Protocol, Words> = {
  anthropic: { type: 'rate_limit_error', message: 'Number of requests has exceeded your limit' },
  'openai-responses': { type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached' },
  'openai-chat': { type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached' },
  gemini: { type: 'RESOURCE_EXHAUSTED', message: 'Resource has been exhausted (e.g. check quota).' },
}

const overloads = PROTOCOLS.flatMap((protocol) => OVERLOADS[protocol].map((words) => ({ protocol, words })))
const bursts = PROTOCOLS.map((protocol) => ({ protocol, words: BURSTS[protocol] }))
/** The status that Gemini's body repeats as its `code`. */
const OVERLOADED = 503

describe('row 10: an overload under another status', () => {
  const disguises = overloads.flatMap((one) =>
    [400, 200, 500].flatMap((asStatus) => [true, false].map((stream) => ({ ...one, asStatus, stream }))),
  )
  test.each(disguises)(
    '$protocol $words.code as $asStatus (stream $stream) goes to another account, as an overload',
    async (given) => {
      const { vendor, ask, stateOf } = await start(['a', 'b'], { protocol: given.protocol })
      vendor.forKey('a').script(fail(OVERLOADED, { ...given.words, asStatus: given.asStatus }))
      const answer = await ask({ stream: given.stream })
      expect(servedBy(answer)).toEqual([200, 'b', 2])
      expect(attemptsIn(answer)).toEqual(['att_2'])
      expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'overloaded', message: given.words.message }])
    },
  )

  test.each(bursts)('a $protocol rate limit inside a 200 is a burst of that model', async ({ protocol, words }) => {
    const { vendor, ask, stateOf } = await start(['a', 'b'], { protocol })
    vendor.forKey('a').script(fail(429, { ...words, asStatus: 200 }))
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
    expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'burst', model: expect.any(String) }])
  })

  test.each(bursts)(
    'a $protocol client never gets an error as 200 or 400 that is a 429',
    async ({ protocol, words }) => {
      for (const asStatus of [200, 400]) {
        const { vendor, ask } = await start(['a'], { protocol })
        vendor.always(fail(429, { ...words, asStatus }))
        const answer = await ask()
        expect([answer.status, answer.headers['retry-after']]).toEqual([429, '2'])
        expect(errorIn(answer).message).toBe(words.message)
      }
    },
  )

  test('a response that a whole Responses answer calls failed is no answer', async () => {
    const { vendor, ask } = await start(['a', 'b'], { protocol: 'openai-responses' })
    const body = { id: 'resp_1', object: 'response', status: 'failed', error: { code: 'server_error', message: 'no' } }
    vendor.forKey('a').script(fail(500, { asStatus: 200, body }))
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
  })
})

describe('row 11: a failure as the first event of a stream', () => {
  test.each(overloads)(
    'a $protocol overload ($words.code) goes to another account before any content',
    async ({ protocol, words }) => {
      const { vendor, ask, stateOf } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(failInStream(OVERLOADED, words))
      const answer = await ask({ stream: true })
      expect([...servedBy(answer), readText(answer.body)]).toEqual([200, 'b', 2, 'hello'])
      expect(answer.body).toEqual(vendor.bytesSent(2))
      expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'overloaded' }])
    },
  )

  test.each(['anthropic', 'openai-responses', 'openai-chat'] as const)(
    'the start events of a %s answer that fails then are never seen',
    async (protocol) => {
      const { vendor, ask } = await start(['a', 'b'], { protocol })
      const [words] = OVERLOADS[protocol]
      vendor.forKey('a').script(answerText('never', after('start', errorEvent(OVERLOADED, words))))
      const answer = await ask({ stream: true })
      expect([...servedBy(answer), attemptsIn(answer)]).toEqual([200, 'b', 2, ['att_2']])
    },
  )

  test.each(PROTOCOLS)('a %s failure just before the first word goes to another account', async (protocol) => {
    const { vendor, ask } = await start(['a', 'b'], { protocol })
    const [words] = OVERLOADS[protocol]
    vendor.forKey('a').script(answerText('never', before('content', errorEvent(OVERLOADED, words))))
    const answer = await ask({ stream: true })
    expect([...servedBy(answer), attemptsIn(answer)]).toEqual([200, 'b', 2, ['att_2']])
  })

  test.each([
    ['anthropic', 529, 'overloaded_error'],
    ['openai-responses', 503, 'server_error'],
    ['openai-chat', 503, 'server_error'],
    ['gemini', 503, 'UNAVAILABLE'],
  ] as const)('with nobody else a %s client gets an honest %d instead of a stream', async (protocol, status, type) => {
    const { vendor, ask } = await start(['a'], { protocol })
    const [words] = OVERLOADS[protocol] as [Words]
    vendor.always(failInStream(OVERLOADED, words))
    const answer = await ask({ stream: true })
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/json'])
    expect(errorIn(answer)).toMatchObject({ type, message: words.message })
    expect(answer.body.toString()).not.toMatch(/server_is_overloaded|slow_down/)
  })

  test.each(bursts)(
    'with nobody else a $protocol rate limit is a 429 with retry-after',
    async ({ protocol, words }) => {
      const { vendor, ask } = await start(['a'], { protocol })
      vendor.always(failInStream(429, words))
      const answer = await ask({ stream: true })
      expect([answer.status, answer.headers['retry-after'], answer.headers['content-type']]).toEqual([
        429,
        '2',
        'application/json',
      ])
      expect(errorIn(answer).message).toBe(words.message)
    },
  )

  test.each([
    ['anthropic', { type: 'invalid_request_error' }, 'invalid_request_error'],
    ['openai-responses', { type: 'invalid_request_error', code: 'invalid_prompt' }, 'invalid_request_error'],
    ['openai-chat', { type: 'invalid_request_error' }, 'invalid_request_error'],
    ['gemini', { type: 'INVALID_ARGUMENT' }, 'INVALID_ARGUMENT'],
  ] as const)(
    'a %s mistake of the client that is told this way ends the request as a 400',
    async (protocol, words, type) => {
      const { vendor, ask, stateOf } = await start(['a', 'b'], { protocol })
      vendor.always(failInStream(400, { ...words, message: 'messages.1: the roles must alternate' }))
      const answer = await ask({ stream: true })
      expect(servedBy(answer)).toEqual([400, 'a', 1])
      expect(errorIn(answer)).toMatchObject({ type, message: 'messages.1: the roles must alternate' })
      expect((await stateOf('a')).cooldowns).toEqual([])
    },
  )
})
