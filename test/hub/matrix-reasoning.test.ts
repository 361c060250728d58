/**
 * Reasoning that a vendor has sealed comes back to the account that sealed it, byte for byte, through every client; nobody
 * else ever gets it; and a vendor that refuses it is asked once more without.
 */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { JsonObject, JsonValue } from '../../src/core/json.ts'
import { answerText, answerWith, fail, type Reaction } from '../harness/reactions.ts'
import type { VendorRequest } from '../harness/vendor.ts'
import { accountFor, MODELS, openHub, PROTOCOLS, type HubStage } from './stage.ts'
import { sealedIn, TALKS } from './talks.ts'

/** In the shape that each vendor's state has, with letters that JSON and base64 may write in more than one way. */
const SEALS = {
  anthropic: 'EqQBCkYIBxgCKkDq/w+9ZyA8fT0xMjM0NTY3ODkw/+8=',
  'openai-responses': 'gAAAAABo_-x9ZyA8fT0xMjM0NTY3ODkwYWJjZGVm-_8=',
  gemini: 'CpEDAdHtim9+c2lnbmVkL3Rob3VnaHQ/+8AAAA==',
}
type Sealing = keyof typeof SEALS
const SEALING = Object.keys(SEALS) as Sealing[]

const THOUGHT = 'I had better look.'
const CALL = { name: 'get_weather', arguments: { city: 'Łódź' } }

/** What the vendor must get back: the seal, and with it what it seals. */
const SEALED: Record<Sealing, JsonObject> = {
  anthropic: { type: 'thinking', thinking: THOUGHT, signature: SEALS.anthropic },
  'openai-responses': {
    type: 'reasoning',
    summary: [{ type: 'summary_text', text: THOUGHT }],
    encrypted_content: SEALS['openai-responses'],
  },
  gemini: { functionCall: { name: CALL.name, args: CALL.arguments }, thoughtSignature: SEALS.gemini },
}

const TURNS: Record<Sealing, string> = { anthropic: 'messages', 'openai-responses': 'input', gemini: 'contents' }

const DIRECTIONS = PROTOCOLS.flatMap((client) => SEALING.map((upstream) => ({ client, upstream })))
const CROSS_DIRECTIONS = DIRECTIONS.filter(({ client, upstream }) => client !== upstream)
const FORMS = [true, false]

/** A thought, sealed, and a call that belongs to it. */
function think(upstream: Sealing, signature = SEALS[upstream]): Reaction {
  return answerWith({ thinking: THOUGHT, signature, toolCalls: [CALL] })
}

async function open(...accounts: readonly JsonObject[]): Promise<HubStage> {
  const hub = await openHub(accounts)
  onTestFinished(hub.close)
  return hub
}

describe.each(DIRECTIONS)('a client of $client on an account of $upstream', ({ client, upstream }) => {
  const model = MODELS[upstream]

  test.each(FORMS)('brings the sealed thought back as it was (streamed: %s)', async (isStream) => {
    const { relay, vendor } = await open(accountFor(upstream, 'home'))
    vendor.script(think(upstream), answerText('It is sunny.'))
    const takeTurn = TALKS[client](relay, model, isStream)
    await takeTurn()
    await takeTurn()
    expect(vendor.requests.map(sealedIn)).toMatchObject([[], [SEALED[upstream]]])
  })

  test('brings every thought of a long tool loop back, and says nothing old in a new way', async () => {
    const { relay, vendor } = await open(accountFor(upstream, 'home'))
    const later = `${SEALS[upstream].slice(0, 8)}LATE${SEALS[upstream].slice(8)}`
    vendor.script(think(upstream), think(upstream, later), answerText('It is sunny.'))
    const takeTurn = TALKS[client](relay, model, true)
    await takeTurn()
    await takeTurn()
    await takeTurn()
    const [, second, third] = vendor.requests.map(wordsOf)
    const sealed = vendor.requests.map((request) => sealedIn(request).map((carrier) => Object.values(carrier)))
    expect(sealed[2]).toEqual([expect.arrayContaining([SEALS[upstream]]), expect.arrayContaining([later])])
    const list = TURNS[upstream]
    const before = second?.[list] as JsonValue[]
    const after = third?.[list] as JsonValue[]
    expect({ ...third, [list]: after.slice(0, before.length) }).toEqual(second)
  })
})

describe.each(CROSS_DIRECTIONS)('a client of $client that had an account of $upstream', ({ client, upstream }) => {
  const model = MODELS[upstream]

  test('does not bring the sealed thought to another account of the same vendor', async () => {
    const { relay, vendor } = await open(
      accountFor(upstream, 'first', { priority: 1 }),
      accountFor(upstream, 'second', { priority: 2 }),
    )
    vendor.forKey('first').script(think(upstream), fail(403))
    const takeTurn = TALKS[client](relay, model, true)
    await takeTurn()
    await takeTurn()
    expect(vendor.requests.map(({ key }) => key)).toEqual(['first', 'first', 'second'])
    expect(bodyOf(vendor.requests[1])).toContain(SEALS[upstream])
    expect(bodyOf(vendor.requests[2])).not.toMatch(sealPattern(upstream))
  })

  test('is repaired once when the vendor refuses the seal', async () => {
    const { relay, vendor } = await open(accountFor(upstream, 'home'))
    vendor.script(think(upstream), refuseSeal(upstream), answerText('It is sunny.'))
    const answers = vi.spyOn(globalThis, 'fetch')
    onTestFinished(() => answers.mockRestore())
    const takeTurn = TALKS[client](relay, model, true)
    await takeTurn()
    await takeTurn()
    const answer = await answers.mock.results.at(-1)?.value
    expect([answer?.status, answer?.headers.get('x-relay-repaired')]).toEqual([200, 'foreign-reasoning'])
    expect(vendor.requests.map((request) => bodyOf(request).includes(SEALS[upstream]))).toEqual([false, true, false])
  })
})

/** Messages has no place for state behind a text, where Gemini's comes; without a call nobody asks for it again. */
const TEXT_DIRECTIONS = DIRECTIONS.filter(({ client, upstream }) => client !== 'anthropic' || upstream !== 'gemini')

test.each(TEXT_DIRECTIONS)(
  'a client of $client brings the sealed thought of a mere text back to $upstream',
  async ({ client, upstream }) => {
    const { relay, vendor } = await open(accountFor(upstream, 'home'))
    const said = { thinking: THOUGHT, signature: SEALS[upstream], text: 'It is sunny.' }
    vendor.script(answerWith(said), answerText('It is dark.'))
    const takeTurn = TALKS[client](relay, MODELS[upstream], true)
    await takeTurn()
    await takeTurn()
    expect(bodyOf(vendor.requests[1])).toContain(SEALS[upstream])
  },
)

test.each(SEALING)('a refusal of %s that goes on without any reasoning is told to the client', async (upstream) => {
  const { relay, vendor } = await open(accountFor(upstream, 'home'))
  const client = upstream === 'anthropic' ? 'openai-responses' : 'anthropic'
  vendor.script(think(upstream), refuseSeal(upstream), refuseSeal(upstream))
  const takeTurn = TALKS[client](relay, MODELS[upstream], true)
  await takeTurn()
  await expect(takeTurn()).rejects.toMatchObject({ status: 400 })
  expect(vendor.requests).toHaveLength(3)
})

const SWITCHES = DIRECTIONS.flatMap(({ client, upstream }) =>
  PROTOCOLS.filter((other) => other !== upstream).map((other) => ({ client, upstream, other })),
)

test.each(SWITCHES)(
  'a client of $client does not bring the sealed thought of $upstream to $other',
  async ({ client, upstream, other }) => {
    const house = { models: ['claude-sonnet-5-5'] }
    const { relay, vendor } = await open(
      accountFor(upstream, 'first', { ...house, priority: 1 }),
      accountFor(other, 'second', { ...house, priority: 2 }),
    )
    vendor.forKey('first').script(think(upstream), fail(403))
    const takeTurn = TALKS[client](relay, 'claude-sonnet-5-5', true)
    await takeTurn()
    await takeTurn()
    expect(vendor.requests.map(({ key }) => key)).toEqual(['first', 'first', 'second'])
    expect(bodyOf(vendor.requests[1])).toContain(SEALS[upstream])
    expect(bodyOf(vendor.requests[2])).not.toMatch(sealPattern(upstream))
  },
)

/** The body without marks for the cache, which move on with the conversation and are no part of the prompt. */
function wordsOf(request: VendorRequest): JsonObject {
  return JSON.parse(bodyOf(request), (name, value) => (name === 'cache_control' ? undefined : value)) as JsonObject
}

function bodyOf(request: VendorRequest | undefined): string {
  return JSON.stringify(request?.body)
}

/** The seal itself, and the relay's own wrapping of it. */
function sealPattern(upstream: Sealing): RegExp {
  return new RegExp(`${SEALS[upstream].replace(/[+/=]/g, '\\$&')}|sub2api1`)
}

/** A vendor's own words for state that it did not make, or not for this conversation. */
function refuseSeal(upstream: Sealing): Reaction {
  const words: Record<Sealing, string> = {
    anthropic: 'messages.1.content.0: Invalid `signature` in `thinking` block',
    'openai-responses': 'The encrypted content gAAA... could not be verified.',
    gemini: 'Corrupted thought signature.',
  }
  const code = upstream === 'openai-responses' ? { code: 'invalid_encrypted_content' } : {}
  return fail(400, { message: words[upstream], ...code })
}
