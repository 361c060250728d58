/**
 * What is fed with bad input, and what it may do with it: refuse in its own words, never anything else.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problem.ts'
import type { Platform, Protocol } from '../../src/core/account.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { type JsonObject, JsonSyntaxError } from '../../src/core/json.ts'
import { FrameScanner } from '../../src/core/sse.ts'
import { createFold } from '../../src/protocols/fold.ts'
import { hubDownstreams } from '../../src/protocols/hub-index.ts'
import { protocols } from '../../src/protocols/index.ts'
import { createLedger } from '../../src/protocols/ledger.ts'
import { fingerprint } from '../../src/relay/fingerprint.ts'
import { createHubLane, type HubLane } from '../../src/relay/hub-lane.ts'
import { createSeededRandom } from '../core/seeded-random.ts'
import { makeAccount } from '../harness/accounts.ts'
import { readSse } from '../harness/sse.ts'
import { BODIES, CONFIGS, streamsOf, wholesOf } from './corpus.ts'

export interface FuzzTarget {
  readonly name: string
  readonly corpus: readonly Buffer[]
  /** Throws or rejects when the input made something happen that must not. */
  run(input: Buffer): void | Promise<void>
}

const PROTOCOLS = Object.keys(BODIES) as Protocol[]
const PLATFORM: Record<Protocol, Platform> = {
  anthropic: 'anthropic',
  'openai-responses': 'openai',
  'openai-chat': 'openai',
  gemini: 'gemini',
}

export const TARGETS: readonly FuzzTarget[] = [
  ...PROTOCOLS.map((protocol): FuzzTarget => ({
    name: `body-${protocol}`,
    corpus: [Buffer.from(JSON.stringify(BODIES[protocol]))],
    run: (input) => allowing(() => readRequest(protocol, input)),
  })),
  ...PROTOCOLS.map((protocol): FuzzTarget => ({
    name: `stream-${protocol}`,
    corpus: streamsOf(protocol),
    run: (input) => readStream(protocol, input),
  })),
  ...PROTOCOLS.map((protocol): FuzzTarget => ({
    name: `answer-${protocol}`,
    corpus: wholesOf(protocol),
    run: (input) => readWhole(protocol, input),
  })),
  { name: 'config', corpus: CONFIGS, run: readConfig },
]

/** As the relay reads a request: what routing needs, then the whole for each other dialect, and that as a request again. */
function readRequest(protocol: Protocol, body: Buffer): void {
  const { downstream } = protocols[protocol]
  const envelope = downstream.readEnvelope(body)
  const { preamble, messages } = downstream.readConversation(body, envelope.outline)
  for (const part of [...preamble, ...messages]) fingerprint(body, part)
  const parsed = parse(body)
  // Routing forgives what a translation does not, and the relay refuses it there.
  if (parsed === null) return
  for (const upstream of PROTOCOLS) {
    if (upstream === protocol) continue
    const lane = createLane(protocol, upstream, parsed, envelope.stream)
    protocols[upstream].downstream.readEnvelope(Buffer.from(JSON.stringify({ model: 'm', ...lane.body })))
  }
}

function createLane(downstream: Protocol, upstream: Protocol, parsed: JsonObject, stream: boolean): HubLane {
  const ledger = createLedger()
  const conversation = hubDownstreams[downstream].decodeRequest(structuredClone(parsed), { model: 'm', stream }, ledger)
  let ids = 0
  return createHubLane({
    conversation,
    downstream,
    upstream,
    account: makeAccount('fuzz', { platform: PLATFORM[upstream] }),
    upstreamModel: 'm',
    cacheKey: null,
    now: 1_790_000_000_000,
    createId: (prefix) => `${prefix}${ids++}`,
    ledger,
    onFault(error) {
      throw error
    },
  })
}

/** Whatever an upstream sends is understood in the same way however it is cut, and told on as proper events. */
function readStream(upstream: Protocol, bytes: Buffer): void {
  const reader = protocols[upstream].upstream
  const random = createSeededRandom(bytes.length)
  for (const downstream of PROTOCOLS) {
    if (downstream === upstream) continue
    const whole = translate(downstream, upstream, [bytes])
    const cuts = Array.from({ length: 5 }, () => random.whole(bytes.length + 1)).toSorted((a, b) => a - b)
    const pieces = [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length))
    if (translate(downstream, upstream, pieces) !== whole)
      throw new Error(`cut at ${cuts.join(', ')} it means something else`)
    readSse(whole)
  }
  const scanner = new FrameScanner((frame) => {
    reader.inspect(frame)
    reader.usageOfFrame(frame)
    reader.decodeError(frame.data)
    reader.readStart(frame.data)
  })
  scanner.push(bytes)
  scanner.end()
}

/** What the client gets; the same answer told whole is made, too. */
function translate(downstream: Protocol, upstream: Protocol, pieces: readonly Buffer[]): string {
  const lane = createLane(downstream, upstream, BODIES[downstream], true)
  const fold = createFold()
  let text = ''
  let isOver = false
  const take = (deltas: ReturnType<HubLane['decodeWhole']>): void => {
    for (const delta of deltas) {
      if (isOver) return
      isOver = delta.type === 'error' || delta.type === 'finish'
      if (delta.type === 'error') return
      fold.push(delta)
      text += lane.encoder.encode(delta)
    }
  }
  const scanner = new FrameScanner((frame) => {
    if (!isOver) allowing(() => take(lane.decoder.decode(frame)))
  })
  // The bytes of a chunk are its own, as those of a socket are.
  for (const piece of pieces) scanner.push(Buffer.from(piece))
  scanner.end()
  if (!isOver) allowing(() => take(lane.decoder.end()))
  allowing(() => JSON.parse(lane.encodeWhole(fold.result())))
  return text
}

function readWhole(upstream: Protocol, body: Buffer): void {
  const reader = protocols[upstream].upstream
  reader.usageOfBody(body)
  reader.decodeError(body)
  reader.readStart(body)
  const parsed = parse(body)
  if (parsed === null) return
  for (const downstream of PROTOCOLS) {
    if (downstream === upstream) continue
    const lane = createLane(downstream, upstream, BODIES[downstream], false)
    const fold = createFold()
    allowing(() => {
      for (const delta of lane.decodeWhole(structuredClone(parsed))) {
        if (delta.type === 'error') return
        fold.push(delta)
      }
      JSON.parse(lane.encodeWhole(fold.result()))
    })
  }
}

const folder = { path: '' }

async function readConfig(text: Buffer): Promise<void> {
  // A config may name commands to run for its secrets; chance must not.
  if (text.includes('command')) return
  folder.path ||= mkdtempSync(join(tmpdir(), 'fuzz-'))
  const path = join(folder.path, text.includes('"accounts"') ? 'config.jsonc' : 'config.yaml')
  writeFileSync(path, text, { mode: 0o600 })
  try {
    await loadConfig(path, { KEY: 'a-key' })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const isExplained = error.problems.every(({ message }) => message !== '')
    if (!isExplained || error.problems.length === 0)
      throw new Error('a config was refused without a word', { cause: error })
  }
}

/** Refusals are what bad input deserves. */
function allowing(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof GatewayError || error instanceof JsonSyntaxError)) throw error
  }
}

function parse(body: Buffer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(body.toString().replace(/^\uFEFF/, ''))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null
  } catch {
    return null
  }
}
