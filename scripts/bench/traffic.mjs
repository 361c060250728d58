/**
 * What goes over the wire in every case: the requests of a coding agent and the answers of a vendor, in the Messages
 * dialect. Built once, so that neither side spends time on it while it is measured.
 */

export const TOKEN = 'sk-bench-0123456789abcdef'
export const PATH = '/v1/messages'
/** Tells the upstream what to answer; passes through every proxy, the relay's allow-list included. */
export const CASE_HEADER = 'x-client-case'

const WORDS =
  'The relay reads the model, splices a name, and lets every other byte pass as it came, "quotes"\nand lines. '
const PACED_EVENTS = 100
const FLAT_EVENTS = 200_000
const LARGE_EVENT_BYTES = 8 * 1024 * 1024

/** Events of each streamed answer, for costs per event. */
export const EVENTS = { paced: PACED_EVENTS, flat: FLAT_EVENTS, short: 6, hold: 3, large: 7 }

/** What an agent's SDK sends besides the body. With `session` as Claude Code does, without it as a bare script. */
export function requestHeaders(answer, { session = true } = {}) {
  return {
    'content-type': 'application/json',
    accept: 'application/json',
    authorization: `Bearer ${TOKEN}`,
    'user-agent': 'claude-cli/2.0.0 (external, cli)',
    'x-app': 'cli',
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14',
    ...(session ? { 'x-claude-code-session-id': '3f0e7a52-5b0e-4f0c-9a57-0c1d2e3f4a5b' } : {}),
    [CASE_HEADER]: answer,
  }
}

/** A conversation of about `bytes`: system text, tools, and turns of prose and code of some 4 KB each. */
export function requestBody(bytes, stream) {
  const turnBytes = Math.max(200, Math.min(4_000, bytes / 4))
  const tool = { name: 'read_file', description: WORDS.repeat(3), input_schema: { type: 'object', properties: {} } }
  const request = {
    model: 'claude-sonnet-4-5-20250929',
    max_tokens: 32_000,
    stream,
    system: [{ type: 'text', text: WORDS.repeat(Math.floor(bytes / 10 / WORDS.length)) }],
    tools: bytes > 10_000 ? Array.from({ length: 12 }, () => tool) : [],
    messages: [],
  }
  let size = JSON.stringify(request).length
  while (size < bytes) {
    const length = Math.min(turnBytes, Math.max(1, bytes - size - 80))
    const text = WORDS.repeat(Math.ceil(length / WORDS.length)).slice(0, length)
    const role = request.messages.length % 2 === 0 ? 'user' : 'assistant'
    request.messages.push({ role, content: [{ type: 'text', text }] })
    size = JSON.stringify(request).length
  }
  return Buffer.from(JSON.stringify(request))
}

/** Head and body as they go over the wire, for clients that write to a socket themselves. */
export function encodeRequest(headers, body) {
  const all = Object.entries({ host: 'bench', ...headers, 'content-length': body.length })
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST ${PATH} HTTP/1.1\r\n${lines.join('')}\r\n`), body])
}

/** A whole answer of about 1 KB, head included. */
export function wholeAnswer() {
  const body = JSON.stringify({ ...message(), content: [{ type: 'text', text: WORDS.repeat(6) }] })
  const length = Buffer.byteLength(body)
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${MARKS}\r\n${body}`,
  )
}

const MARKS = 'request-id: req_011CSHoEeqs5C35K2UUqR7Fy\r\nx-ratelimit-remaining-requests: 999\r\nserver: upstream\r\n'

export const STREAM_HEAD = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n${MARKS}transfer-encoding: chunked\r\n\r\n`,
)

/** The events that come before the text, with its first piece: what tells a client that the model has begun. */
export const OPENING = chunk(
  event({ type: 'message_start', message: message() }) +
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }) +
    delta(' The'),
)
export const DELTA = chunk(delta(' relayed'))
/** Three events and the end of the body. */
export const ENDING = Buffer.concat([
  chunk(
    event({ type: 'content_block_stop', index: 0 }) +
      event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 94 } }) +
      event({ type: 'message_stop' }),
  ),
  Buffer.from('0\r\n\r\n'),
])
/** Each event in an HTTP chunk of its own, as vendors send them; written at once, as when the reader was slower. */
export const DELTAS_PER_BLOCK = 500
export const BLOCK = Buffer.concat(Array.from({ length: DELTAS_PER_BLOCK }, () => DELTA))

/** One event of 8 MB, as a picture or a very long tool call makes it. */
export function largeEvent() {
  return chunk(delta('iVBORw0KGgoAAAANSUhEUgAA'.repeat(Math.ceil(LARGE_EVENT_BYTES / 24))))
}

function message() {
  const usage = { input_tokens: 2_095, cache_read_input_tokens: 1_024, output_tokens: 1 }
  return { id: 'msg_013Zva2CMHLNnXjNJJKqJ2EF', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', usage }
}

function delta(text) {
  return event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })
}

function event(data) {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
}

function chunk(text) {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}
