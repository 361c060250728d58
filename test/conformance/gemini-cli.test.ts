/**
 * Gemini CLI as it was recorded (0.61.0), played by a raw client: two credentials, model and verb in the path, and a
 * reader that breaks on anything but data.
 */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { mapHeaders } from '../harness/header-list.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { after, answerText, answerWith, beforeHead, cut, fail, pause } from '../harness/reactions.ts'
import { TOKEN, type TestRelay } from '../harness/relay.ts'
import { readJsonEvents, readSse, readText } from '../harness/sse.ts'
import { setStage, twoAccounts } from './stage.ts'

const IDENTITY = {
  accept: '*/*',
  'content-type': 'application/json',
  'user-agent': 'GeminiCLI/0.61.0/gemini-3-pro (linux; x64; terminal) google-api-nodejs-client/9.15.1',
  'x-goog-api-client': 'google-genai-sdk/1.30.0 gl-node/v24.3.0',
}

/** GEMINI_API_KEY_AUTH_MECHANISM=bearer: the same key in both places. */
const CREDENTIALS = { authorization: `Bearer ${TOKEN}`, 'x-goog-api-key': TOKEN }

const MODEL = 'gemini-3-pro'
const STREAM = `/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`

const TURN = {
  contents: [
    { role: 'user', parts: [{ text: 'This is the Gemini CLI. Temporary directory: /tmp/ü' }] },
    {
      role: 'model',
      parts: [{ functionCall: { id: 'c1', name: 'read_file', args: {} }, thoughtSignature: 'c2lnbmF0dXJl' }],
    },
    { role: 'user', parts: [{ functionResponse: { id: 'c1', name: 'read_file', response: { output: 'a' } } }] },
  ],
  systemInstruction: { role: 'user', parts: [{ text: 'You are an agent.' }] },
  tools: [{ functionDeclarations: [{ name: 'read_file', parametersJsonSchema: { type: 'object' } }] }],
  generationConfig: { temperature: 1.0, thinkingConfig: { includeThoughts: true, thinkingBudget: -1 } },
}

const gemini: JsonObject = { name: 'g', platform: 'gemini', api_key: 'key-g' }

const send = (relay: TestRelay, body: JsonObject = TURN, path = STREAM) =>
  rawRequest(relay.port, { path, headers: { ...IDENTITY, ...CREDENTIALS }, body })

describe('a turn', () => {
  test('the vendor gets its headers unchanged, the account’s key in place of both of its own, and nothing else', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    await send(relay)
    expect(mapHeaders(vendor.requests[0]?.rawHeaders ?? [])).toEqual({
      ...IDENTITY,
      'x-goog-api-key': 'key-g',
      'accept-encoding': 'identity',
      connection: 'keep-alive',
      'content-length': String(Buffer.byteLength(JSON.stringify(TURN))),
      host: `127.0.0.1:${vendor.port}`,
    })
  })

  test('the vendor gets its body byte for byte, under its path and query', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    await send(relay)
    expect([vendor.requests[0]?.target, String(vendor.requests[0]?.bytes)]).toEqual([STREAM, JSON.stringify(TURN)])
  })

  test('a key in the query opens the relay and does not reach the vendor', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    const answer = await rawRequest(relay.port, { path: `${STREAM}&key=${TOKEN}`, headers: IDENTITY, body: TURN })
    expect([answer.status, vendor.requests[0]?.target]).toEqual([200, STREAM])
  })

  test('its first question, whole and with a schema for the answer, is served as it is', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    const body = { contents: [], generationConfig: { responseMimeType: 'application/json', responseJsonSchema: {} } }
    const path = '/v1beta/models/gemini-2.5-flash-lite:generateContent'
    vendor.always(answerText('{"complexity": "low"}'))
    const answer = await send(relay, body, path)
    expect([answer.status, answer.body]).toEqual([200, vendor.bytesSent(1)])
    expect([vendor.requests[0]?.target, String(vendor.requests[0]?.bytes)]).toEqual([path, JSON.stringify(body)])
  })

  test('tokens are counted by the vendor', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    vendor.always(answerWith({ usage: { input: 4321 } }))
    const answer = await send(relay, { contents: TURN.contents }, `/v1beta/models/${MODEL}:countTokens`)
    expect(JSON.parse(String(answer.body))).toMatchObject({ totalTokens: 4321 })
  })

  test('a stream without alt=sse is one JSON array, byte for byte', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    const answer = await send(relay, TURN, `/v1beta/models/${MODEL}:streamGenerateContent`)
    expect([answer.status, answer.body]).toEqual([200, vendor.bytesSent(1)])
    expect(JSON.parse(String(answer.body))).toBeInstanceOf(Array)
  })
})

describe('no byte that is not data', () => {
  test('while the vendor is silent nothing is sent, neither before the answer nor in it', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    vendor.always(answerText(['hello ', 'there'], beforeHead(pause()), after('content', pause())))
    const answer = send(relay)
    const request = await vendor.received(1)
    await relay.clock.advance(100_000)
    expect(answer.bodySoFar()).toHaveLength(0)
    request.resume()
    await answer.until('hello')
    await relay.clock.advance(100_000)
    request.resume()
    expect((await answer).body).toEqual(vendor.bytesSent(1))
  })

  test('while it waits for a slot nothing is sent', async () => {
    const { vendor, relay } = await setStage({ accounts: [{ ...gemini, concurrency: 1 }] })
    vendor.script(answerText('first', beforeHead(pause())))
    const [first, second] = [send(relay), send(relay)]
    const request = await vendor.received(1)
    await relay.clock.advance(29_000)
    expect(second.bodySoFar()).toHaveLength(0)
    request.resume()
    expect([readText((await first).body), readText((await second).body)]).toEqual(['first', 'hello'])
  })

  test('not even a client that has closed its sending side gets a comment', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    vendor.always(answerText(['hello ', 'there'], after('content', pause())))
    const answer = rawRequest(relay.port, {
      path: STREAM,
      headers: { ...IDENTITY, ...CREDENTIALS },
      body: TURN,
      halfClose: true,
    })
    const request = await vendor.received(1)
    await answer.until('hello')
    await relay.clock.advance(1_000)
    request.resume()
    const { body } = await answer
    expect([readSse(body).comments, readText(body)]).toEqual([[], 'hello there'])
  })
})

describe('when something fails', () => {
  test('a limit tells in the body when to come back, which is where it looks', async () => {
    const { vendor, relay } = await setStage({ accounts: [gemini] })
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '31s' }]
    vendor.always(fail(429, { message: 'Please retry in 31s.', extra: { details } }))
    const first = await send(relay)
    expect([first.status, first.headers['retry-after'], first.body]).toEqual([429, '31', vendor.bytesSent(1)])
    const second = await send(relay)
    const { error } = JSON.parse(String(second.body)) as { error: { details: JsonObject[] } }
    expect([second.status, error.details[0]?.['@type'], vendor.requests.length]).toEqual([
      429,
      'type.googleapis.com/google.rpc.RetryInfo',
      1,
    ])
  })

  test('a stream that breaks ends in an error chunk and in good order, never in a cut', async () => {
    const { vendor, relay } = await setStage({ accounts: twoAccounts('gemini') })
    vendor.always(answerText('hello there', after('content', cut())))
    const { body, ended } = await send(relay)
    expect([ended, vendor.requests.length]).toEqual(['clean', 1])
    expect(readJsonEvents(body).at(-1)).toMatchObject({ error: { code: 502, status: 'INTERNAL' } })
  })

  test('an unknown key is told in its dialect', async () => {
    const { relay } = await setStage({ accounts: [gemini] })
    const headers = { ...IDENTITY, 'x-goog-api-key': 'wrong' }
    const answer = await rawRequest(relay.port, { path: STREAM, headers, body: TURN })
    expect(JSON.parse(String(answer.body))).toMatchObject({ error: { code: 401, status: 'UNAUTHENTICATED' } })
  })
})
