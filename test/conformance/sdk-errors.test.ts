/**
 * What the official SDKs make of a failure: the vendor's own words where the request is at fault, and never a short
 * answer where a stream breaks.
 */
import { APIError as AnthropicError, BadRequestError as AnthropicBadRequest } from '@anthropic-ai/sdk'
import { ApiError } from '@google/genai'
import { APIError as OpenaiError, BadRequestError as OpenaiBadRequest } from 'openai'
import type { Response } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import {
  after,
  answerText,
  beforeHead,
  cut,
  end,
  errorEvent,
  fail,
  failInStream,
  finish,
  pause,
} from '../harness/reactions.ts'
import { CALLS, STREAMS } from './calls.ts'
import { collect, connectAnthropic, connectOpenai, setStage, startDirectVendor, twoAccounts } from './stage.ts'

const PLATFORM: Record<Protocol, string> = {
  anthropic: 'anthropic',
  'openai-responses': 'openai',
  'openai-chat': 'openai',
  gemini: 'gemini',
}

describe('a refusal of the request itself', () => {
  const refusals = [400, 404, 413, 422].flatMap((status) =>
    Object.entries(CALLS).map(([name, call]) => ({ status, name, call })),
  )

  test.each(refusals)('$name: a $status is the same error with and without the relay', async ({ status, call }) => {
    const { vendor, relay } = await setStage({ accounts: twoAccounts(PLATFORM[call.protocol], { wire_api: 'both' }) })
    const direct = await startDirectVendor()
    for (const each of [vendor, direct]) each.always(fail(status, { message: 'max_tokens: 9 is "too" little' }))
    const error = await errorOf(call.run(relay))
    expect(error).toStrictEqual(await errorOf(call.run(direct)))
    expect(error).toMatchObject({ status, message: expect.stringContaining('too') })
    expect(vendor.requests).toHaveLength(1)
  })

  test('each SDK has its class for a 400, with the vendor’s message and request id', async () => {
    const { vendor, relay } = await setStage()
    vendor.always(fail(400, { message: 'max_tokens: too little' }))
    const claude = await failureOf(CALLS['anthropic messages.stream']?.run(relay))
    expect(claude).toBeInstanceOf(AnthropicBadRequest)
    expect(claude).toMatchObject({ type: 'invalid_request_error', requestID: 'req_att_1' })
    const gpt = await failureOf(CALLS['openai responses.create']?.run(relay))
    expect(gpt).toBeInstanceOf(OpenaiBadRequest)
    expect(gpt).toMatchObject({ message: '400 max_tokens: too little', requestID: 'req_att_2' })
    const gemini = await failureOf(CALLS['genai generateContentStream']?.run(relay))
    expect(gemini).toBeInstanceOf(ApiError)
    expect(gemini).toMatchObject({ status: 400, message: expect.stringContaining('INVALID_ARGUMENT') })
  })
})

describe('a limit of every account', () => {
  test.each(Object.entries(CALLS))(
    '%s: is told in the vendor’s words, after each account was asked',
    async (_, call) => {
      const { vendor, relay } = await setStage({ accounts: twoAccounts(PLATFORM[call.protocol], { wire_api: 'both' }) })
      vendor.always(fail(429, { message: 'slow down', headers: { 'retry-after': '7' } }))
      expect(await errorOf(call.run(relay))).toMatchObject({
        status: 429,
        message: expect.stringContaining('slow down'),
      })
      expect(vendor.requests.map(({ key }) => key)).toEqual(['first', 'second'])
    },
  )

  test('the SDKs’ users find the time of return in the headers', async () => {
    const { vendor, relay } = await setStage()
    vendor.always(fail(429, { headers: { 'retry-after': '7' } }))
    for (const name of ['anthropic messages.create', 'openai responses.create']) {
      const error = await failureOf(CALLS[name]?.run(relay))
      expect((error as AnthropicError | OpenaiError).headers?.get('retry-after')).toBe('7')
    }
  })
})

describe('trouble with the account', () => {
  test.each(Object.entries(CALLS))(
    '%s: a key that the vendor refuses does not look like the client’s',
    async (_, call) => {
      const { vendor, relay } = await setStage()
      vendor.always(fail(401, { message: 'invalid key-anthropic' }))
      const error = await errorOf(call.run(relay))
      expect(error).toMatchObject({
        status: 503,
        message: expect.stringContaining('sub2api-simple: the upstream account'),
      })
      expect(JSON.stringify(error)).not.toContain('key-')
    },
  )
})

describe('a vendor out of reach', () => {
  test.each(Object.entries(CALLS))('%s: is told as such, without its address', async (_, call) => {
    const { vendor, relay } = await setStage()
    await vendor.close()
    const error = await errorOf(call.run(relay))
    expect(error).toMatchObject({ status: 502, message: expect.stringContaining('the upstream cannot be reached') })
    expect(JSON.stringify(error)).not.toContain(`${vendor.port}`)
  })
})

describe('a stream that fails', () => {
  test.each(STREAMS)('%s: an error before any content goes to the other account unseen', async (_, call) => {
    const { vendor, relay } = await setStage({ accounts: twoAccounts(PLATFORM[call.protocol], { wire_api: 'both' }) })
    const direct = await startDirectVendor()
    vendor.script(failInStream(529), answerText('hello'))
    direct.script(answerText('unheard'), answerText('hello'))
    await call.run(direct)
    expect(await call.run(relay)).toStrictEqual(await call.run(direct))
  })

  test.each(STREAMS)('%s: the vendor’s error event in the middle arrives as it is', async (_, call) => {
    const { vendor, relay } = await setStage()
    const direct = await startDirectVendor()
    const overload = errorEvent(529, { message: 'Overloaded, sorry' }, 3)
    for (const each of [vendor, direct]) each.always(answerText('hello there', after('content', overload)))
    const error = await errorOf(call.run(relay))
    expect(error).toStrictEqual(await errorOf(call.run(direct)))
    expect(error).toMatchObject({ message: expect.stringContaining('Overloaded, sorry') })
  })

  const breaks = { 'a reset': cut(), 'a closed connection': finish(), 'an early but clean end': end() }
  const broken = STREAMS.flatMap(([name, call]) =>
    Object.entries(breaks).map(([how, step]) => ({ name, call, how, step })),
  )

  test.each(broken)('$name: $how in the middle is an error, not a short answer', async ({ call, step }) => {
    const { vendor, relay } = await setStage()
    vendor.always(answerText('hello there', after('content', step)))
    const words = expect.stringMatching(/sub2api-simple: the stream (broke off|ended without)/)
    if (call.protocol === 'openai-responses') {
      // The dialect's own end of an answer that failed: the SDK hands it over, without any of the text.
      const told = (await call.run(relay)) as { response: Response }
      expect(told.response).toMatchObject({
        id: 'resp_att_1',
        status: 'failed',
        output_text: '',
        error: { message: words },
      })
    } else expect(await errorOf(call.run(relay))).toMatchObject({ message: words })
    expect(vendor.requests).toHaveLength(1)
  })

  test.each(STREAMS)('%s: a failure after a minute of silence is an error as well', async (_, call) => {
    const { vendor, relay } = await setStage()
    vendor.always(fail(529, { message: 'Overloaded, sorry' }, beforeHead(pause())))
    const outcome = outcomeOf(call.run(relay))
    const request = await vendor.received(1)
    await relay.clock.advance(60_000)
    request.resume()
    // By then the status has gone out with the signs of life, except in Gemini, which has none.
    expect(await outcome).toMatch(/Overloaded, sorry/)
    expect(await outcome).toMatch(call.protocol === 'openai-responses' ? /"status":"failed"/ : /Error/)
  })

  test('what had come before the break was told', async () => {
    const { vendor, relay } = await setStage()
    vendor.always(answerText(['hello ', 'there'], after('content', cut())))
    const message = connectAnthropic(relay).messages.stream({ model: 'claude-x', max_tokens: 9, messages: [] })
    const heard: string[] = []
    message.on('text', (text) => heard.push(text))
    await expect(message.finalMessage()).rejects.toBeInstanceOf(AnthropicError)
    const chat = connectOpenai(relay).chat.completions.stream({ model: 'gpt-5.5', messages: [] })
    chat.on('content', (text) => heard.push(text))
    await expect(collect(chat)).rejects.toBeInstanceOf(OpenaiError)
    expect(heard).toEqual(['hello ', 'hello '])
  })
})

async function failureOf(call: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error('the call was to fail')
}

/** An answer or an error, as text. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then((answer) => JSON.stringify(answer), String)
}

/** All that an SDK's user can see of an error, whichever SDK it is. */
async function errorOf(call: Promise<unknown>): Promise<object> {
  const failure = await failureOf(call)
  const { constructor, message, status, type, code, requestID, error } = failure as Error & Record<string, unknown>
  return { kind: constructor.name, message, status, type, code, requestID, error }
}
