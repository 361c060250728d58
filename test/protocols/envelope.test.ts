import { describe, expect, it } from 'vitest'
import type { GatewayError } from '../../src/core/errors.ts'
import type { Envelope } from '../../src/protocols/contract.ts'
import { readGeminiPath } from '../../src/protocols/gemini/downstream.ts'
import { protocols } from '../../src/protocols/index.ts'

const WITH_MODEL = ['anthropic', 'openai-responses', 'openai-chat'] as const
const ALL = [...WITH_MODEL, 'gemini'] as const

const read = (body: string | Buffer, protocol: (typeof ALL)[number] = 'openai-chat'): Envelope =>
  protocols[protocol].downstream.readEnvelope(Buffer.from(body))

function refusal(body: string | Buffer, protocol: (typeof ALL)[number] = 'openai-chat'): GatewayError {
  try {
    read(body, protocol)
  } catch (error) {
    return error as GatewayError
  }
  throw new Error('was not refused')
}

describe('readEnvelope', () => {
  it.each(WITH_MODEL)('reads model and stream of %s and says where the model stands', (protocol) => {
    const body = '{"messages":[{"model":"no"}],"model":"gpt-5.5","stream":true}'
    const envelope = read(body, protocol)
    expect(envelope).toMatchObject({ model: 'gpt-5.5', stream: true, modelRange: { start: 37, end: 46 } })
    expect(body.slice(37, 46)).toBe('"gpt-5.5"')
  })

  it.each([
    ['{"model":"m"}', false],
    ['{"model":"m","stream":null}', false],
    ['{"model":"m","stream":false}', false],
    ['\ufeff {"model":"m","stream":true}\n', true],
    ['{"model":"m","stream":true,"api_base":"http://x","unknown":[{}]}', true],
  ])('takes %j with stream %s', (body, stream) => {
    expect(read(body).stream).toBe(stream)
  })

  it.each<[string, string | Buffer, string]>([
    ['an empty body', '', 'the request body is empty; a JSON object is expected'],
    ['an open brace', '{', 'line 1, column 2'],
    ['null', 'null', 'must be a JSON object: no object begins at line 1, column 1'],
    ['a list', '[]', 'must be a JSON object'],
    ['a text', '"x"', 'must be a JSON object'],
    ['a number', '1', 'must be a JSON object'],
    ['not a number', '{"temperature": NaN}', 'a value is missing at line 1, column 17'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'not valid UTF-8'],
    ['UTF-16 with a mark', Buffer.from('\ufeff{}', 'utf16le'), 'UTF-16'],
    ['UTF-16 without', Buffer.from('{}', 'utf16le'), 'UTF-16'],
    ['deep nesting', `{"a":${'['.repeat(512)}${']'.repeat(512)}}`, 'more than 512 levels of nesting'],
    ['too many values', `{"a":[${'1,'.repeat(200_000)}1]}`, 'too many values'],
  ])('refuses %s in every dialect', (_, body, message) => {
    for (const protocol of ALL) {
      expect(refusal(body, protocol)).toMatchObject({ kind: 'invalid_request', status: 400, source: 'client' })
      expect(refusal(body, protocol).message).toContain(message)
    }
  })

  it.each([
    ['{}', 'model', 'the request names no model: "model" is missing'],
    ['{"model":""}', 'model', '"model" is empty'],
    ['{"model":" "}', 'model', '"model" is empty'],
    ['{"model":5}', 'model', '"model" must be a text'],
    ['{"model":null}', 'model', '"model" must be a text'],
    [`{"model":"${'m'.repeat(257)}"}`, 'model', '"model" is longer than 256 characters'],
    [
      '{"model":"a","model":"b"}',
      undefined,
      'the request body must be a JSON object: a second "model" at line 1, column 14',
    ],
    [
      '{"model":"\\x"}',
      undefined,
      'the request body must be a JSON object: a value that cannot be read at line 1, column 10',
    ],
    ['{"model":"m","stream":"true"}', 'stream', '"stream" must be true or false'],
    ['{"model":"m","stream":1}', 'stream', '"stream" must be true or false'],
  ])('refuses %j and names the member', (body, param, message) => {
    for (const protocol of WITH_MODEL) expect(refusal(body, protocol)).toMatchObject({ message, param })
  })

  it('leaves model and stream of Gemini to the path', () => {
    expect(read('{"contents":[]}', 'gemini')).toMatchObject({ model: '', stream: false, modelRange: null })
  })
})

describe('readGeminiPath', () => {
  it.each([
    ['gemini-3-pro:generateContent', { model: 'gemini-3-pro', verb: 'generateContent' }],
    ['gemini-2.5-flash:streamGenerateContent', { model: 'gemini-2.5-flash', verb: 'streamGenerateContent' }],
    ['a_b.C-1:countTokens', { model: 'a_b.C-1', verb: 'countTokens' }],
    ['gemini-3-pro', null],
    ['gemini-3-pro:', null],
    ['gemini-3-pro:embedContent', null],
    ['gemini-3-pro:generateContent:generateContent', null],
    [':generateContent', null],
    ['..:generateContent', null],
    ['.:generateContent', null],
    ['%2e%2e:generateContent', null],
    ['a/b:generateContent', null],
    ['a%2Fb:generateContent', null],
    ['a b:generateContent', null],
    [`${'m'.repeat(128)}:countTokens`, { model: 'm'.repeat(128), verb: 'countTokens' }],
    [`${'m'.repeat(129)}:countTokens`, null],
  ])('%j is %j', (segment, path) => {
    expect(readGeminiPath(segment)).toEqual(path)
  })
})
