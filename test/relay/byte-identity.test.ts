/**
 * The byte lane keeps bytes: what the vendor writes is what the client gets, what the client sends is what the vendor
 * gets, and where a name or a default must be put in, nothing else differs. Compared by hash, except where a story is told.
 */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { ask, lastRecord, PROTOCOLS, setStage } from '../faults/four-dialects.ts'
import { after, answerWith, before, framing, headers, ping, raw, slice, type Twist } from '../harness/reactions.ts'
import { applyTwists } from '../harness/reply.ts'
import { dialects, renderWhole, type Answer, type StreamFormat } from '../harness/streams.ts'

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Characters of two, three and four bytes, and one of several code points, so that any cut goes through some of them. */
const EMOJI = ['Grüße, ', '東京 ', '🌞 ', '👩‍👩‍👧‍👦 ', 'e\u0301', '\u2028']
const TEXT: Answer = { text: EMOJI, thinking: 'hm …', signature: 'c2ln' }

describe.each(PROTOCOLS)('a %s stream reaches the client byte for byte', (protocol) => {
  const hasNames = protocol === 'anthropic' || protocol === 'openai-responses'
  const FORMS: Array<[string, Answer & { format?: StreamFormat }, Twist[]]> = [
    ['as the vendor writes it', TEXT, []],
    ['row 35: written byte by byte', TEXT, [slice(1)]],
    ['row 35: cut inside its characters', { text: EMOJI.map((piece) => piece.repeat(40)) }, [slice(3)]],
    ['row 35: with CRLF, cut inside its line ends', { ...TEXT, format: { lineEnd: '\r\n' } }, [slice(1)]],
    ['with LF', { ...TEXT, format: { lineEnd: '\n' } }, []],
    ['with lone CR', { ...TEXT, format: { lineEnd: '\r' } }, [slice(7)]],
    ['with data over many lines', { ...TEXT, format: { multiLineData: true } }, [slice(11)]],
    [
      'with comments and pings',
      { ...TEXT, format: { comments: true } },
      [before(1, ping()), after('content', ping(), ': hi\n\n')],
    ],
    ['with a byte order mark', { ...TEXT, format: { bom: true } }, []],
    ['without spaces, with padding', { ...TEXT, format: { spaceAfterColon: false, paddingBytes: 9 } }, []],
    // Messages clients need the names; the relay does not.
    [
      `without event names${hasNames ? '' : ', which it has not anyway'}`,
      { ...TEXT, format: { eventNames: false } },
      [],
    ],
    ['with an event of 8 MiB', { text: ['one ', 'ü'.repeat(4 * 1024 * 1024), ' two'] }, []],
    ['with events of 60 to 300 KiB', { text: [60, 64, 65, 255, 256, 300].map((size) => 'x'.repeat(size * 1024)) }, []],
    ['with a length instead of chunks', TEXT, [framing('length')]],
    ['without a content type', TEXT, [headers({ 'content-type': [] })]],
    [
      'row 26: with events nobody knows',
      TEXT,
      [after('content', 'event: vendor.news\ndata: {"type":"vendor.news","x":1.0}\n\n')],
    ],
  ]

  test.each(FORMS)('%s', async (_form, answer, twists) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerWith({ ...answer, usage: { input: 3, output: 4 } }, ...twists))
    const { status, body, ended } = await send()
    expect([status, ended]).toEqual([200, 'clean'])
    expect(sha256(body)).toBe(sha256(vendor.bytesSent(1)))
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', input: 3, output: 4, bytes_out: body.length })
  })
})

/** What a parser and a printer would change: numbers, order, duplicates, escapes, space, and what nobody knows. */
const ODD =
  '"odd":{"big":12345678901234567890,"one":1.0,"exp":1E+2,"z":1,"a":2,"twice":1,"twice":2},\r\n\t"text":"\\u0041\\/\\ud83c\\udf1e é\u2028" , "unknown" : [ null ]'

describe.each(PROTOCOLS)('a whole %s answer reaches the client byte for byte', (protocol) => {
  const contentType = { 'content-type': dialects[protocol].wholeContentType }
  const whole = renderWhole(protocol, TEXT)
  const BODIES: Array<[string, string, Twist[]]> = [
    ['as the vendor writes it', whole, []],
    ['written byte by byte', whole, [slice(1)]],
    ['in chunks', whole, [framing('chunked'), slice(5)]],
    ['until the connection ends', whole, [framing('close')]],
    ['with odd members', `{${ODD},${whole.slice(1)}`, []],
    ['indented, with space around it', ` \n${JSON.stringify(JSON.parse(whole), null, 3)}\r\n\r\n`, []],
    ['of 8 MiB', renderWhole(protocol, { text: 'ü'.repeat(4 * 1024 * 1024) }), []],
  ]

  test.each(BODIES)('%s', async (_form, text, twists) => {
    const { vendor, relay, send } = await setStage(protocol)
    const answer = raw({ headers: contentType, framing: 'length', pieces: [text] })
    vendor.script((request) => applyTwists(answer(request), twists, request))
    const { status, body, ended } = await send({ stream: false })
    expect([status, ended, sha256(body)]).toEqual([200, 'clean', sha256(Buffer.from(text))])
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', bytes_out: body.length })
  })
})

/** A request with odd members behind its own, as text. */
function oddRequest(protocol: Protocol, stream: boolean): string {
  return `{ ${JSON.stringify(ask(protocol, stream).body).slice(1, -1)},${ODD} }\n`
}

describe.each(PROTOCOLS)('a %s request reaches the vendor byte for byte', (protocol) => {
  const KINDS: Array<
    [string, boolean, (text: string) => { body: Buffer; chunked?: boolean; headers?: Record<string, string> }]
  > = [
    ['for a stream', true, (text) => ({ body: Buffer.from(text) })],
    ['for a whole answer', false, (text) => ({ body: Buffer.from(text) })],
    ['sent in chunks', true, (text) => ({ body: Buffer.from(text), chunked: true })],
    ['sent with gzip, inflated', true, (text) => ({ body: gzipSync(text), headers: { 'content-encoding': 'gzip' } })],
    [
      'of 8 MiB',
      true,
      (text) => ({ body: Buffer.from(text.replace('"unknown"', `"long":"${'é'.repeat(4 * 1024 * 1024)}","unknown"`)) }),
    ],
  ]

  test.each(KINDS)('%s', async (_kind, stream, encode) => {
    const { vendor, relay } = await setStage(protocol)
    const { body, ...rest } = encode(oddRequest(protocol, stream))
    const answer = await relay.post(ask(protocol, stream).path, body, rest)
    expect(answer.status).toBe(200)
    const sent = rest.headers === undefined ? body : Buffer.from(oddRequest(protocol, stream))
    expect(sha256(vendor.requests[0]?.bytes as Buffer)).toBe(sha256(sent))
    expect(vendor.requests[0]?.header('content-length')).toBe(String(sent.length))
  })
})

describe('where something must be put in, nothing else differs', () => {
  const NAMED = PROTOCOLS.flatMap((protocol) =>
    protocol === 'gemini' ? [] : [[protocol, ask(protocol).model] as const],
  )

  test.each(NAMED)('a %s request with a mapped model has the account’s name in its place', async (protocol, name) => {
    const { vendor, relay } = await setStage(protocol, {}, { a: { model_map: { [name]: 'real "name"' } } })
    const text = oddRequest(protocol, true)
    await relay.post(ask(protocol).path, text)
    expect(String(vendor.requests[0]?.bytes)).toBe(text.replace(`"${name}"`, JSON.stringify('real "name"')))
  })

  test('a mapped Gemini model changes the path alone', async () => {
    const { vendor, relay } = await setStage('gemini', {}, { a: { model_map: { 'gemini-test': 'gemini-real' } } })
    const text = oddRequest('gemini', true)
    await relay.post(ask('gemini').path, text)
    expect(String(vendor.requests[0]?.bytes)).toBe(text)
    expect(vendor.requests[0]?.target).toBe('/v1beta/models/gemini-real:streamGenerateContent?alt=sse')
  })

  test.each(NAMED)(
    'a %s request gets configured defaults behind its last member, and the odd ones stay',
    async (protocol) => {
      const extra: JsonObject = { temperature: 0.5, odd: { one: 2, added: true } }
      const { vendor, relay } = await setStage(protocol, {}, { a: { extra_params: extra } })
      const text = oddRequest(protocol, true)
      await relay.post(ask(protocol).path, text)
      expect(String(vendor.requests[0]?.bytes)).toBe(
        text.replace('"twice":2}', '"twice":2,"added":true}').replace(' ] }', ' ],"temperature":0.5 }'),
      )
    },
  )

  /** A model's words and arguments may speak of models, too. */
  const car = { model: 'Tesla', modelVersion: '3', message: { model: 'S' }, response: { model: 'X' } }
  const spoken: Answer = { text: ['{"model":"', 'T"}'], toolCalls: [{ name: 'buy', arguments: car }] }
  const MEMBER: Record<Protocol, string> = {
    anthropic: '"model":"real"',
    'openai-responses': '"model":"real"',
    'openai-chat': '"model":"real"',
    gemini: '"modelVersion":"real"',
  }
  const FORMS = PROTOCOLS.flatMap((protocol) => [
    [protocol, 'stream', true, slice(99_999)] as const,
    [protocol, 'stream, byte by byte,', true, slice(1)] as const,
    [protocol, 'whole answer', false, slice(99_999)] as const,
  ])

  test.each(FORMS)(
    'a %s %s under a mapped name shows the name that was asked for',
    async (protocol, _form, stream, pace) => {
      const asked = ask(protocol).model
      const { vendor, send } = await setStage(protocol, {}, { a: { model_map: { [asked]: 'real' } } })
      vendor.script(answerWith(spoken, pace))
      const { body } = await send({ stream })
      const sent = String(vendor.bytesSent(1))
      expect(sent).toContain(MEMBER[protocol])
      expect(String(body)).toBe(sent.replaceAll(MEMBER[protocol], MEMBER[protocol].replace('real', asked)))
    },
  )

  test('a Responses answer keeps the models of the tools that it repeats', async () => {
    const { vendor, relay } = await setStage('openai-responses', {}, { a: { model_map: { 'gpt-test': 'real' } } })
    const tools = [{ type: 'image_generation', model: 'gpt-image' }]
    const { body } = await relay.post('/v1/responses', {
      ...ask('openai-responses').body,
      tools,
      metadata: { model: 'mine' },
    })
    const sent = String(vendor.bytesSent(1))
    expect(sent).toContain('"model":"gpt-image"')
    expect(String(body)).toBe(sent.replaceAll('"model":"real"', '"model":"gpt-test"'))
  })
})
