/**
 * Through the relay every official SDK makes of an answer exactly what it makes of it without the relay.
 */
import { describe, expect, test } from 'vitest'
import { answerWith, slice } from '../harness/reactions.ts'
import type { Answer } from '../harness/streams.ts'
import { CALLS } from './calls.ts'
import { setStage, startDirectVendor } from './stage.ts'

const ANSWERS: Record<string, Answer> = {
  'a text': { text: 'Größe: 42 cm, 🦊\u2028\n\n"quoted" \\ end' },
  'parallel tool calls': {
    text: 'I look.',
    toolCalls: [
      { name: 'read_file', arguments: { path: 'a"b\\c.txt', lines: [1, 2], deep: { of: null } } },
      { name: 'list_files', arguments: {} },
      { name: 'read_file', arguments: { path: 'ü.txt' } },
    ],
    interleaved: true,
  },
  'sealed reasoning before a tool call': {
    thinking: 'Let me see.',
    signature: 'c2lnbmF0dXJl',
    toolCalls: [{ name: 'list_files', arguments: {} }],
    usage: { input: 100, cached: 20, cacheWrite: 5, output: 30, reasoning: 10 },
  },
  'a refusal': { text: 'I cannot help with that.', stop: 'refusal' },
  'an answer cut off by its limit': { text: 'So far', stop: 'max_tokens' },
  'a stop sequence': { text: 'one, two', stop: 'stop_sequence' },
  'an answer without a text': { text: '' },
  'no usage': { text: 'hello', usage: null },
}

describe.each(Object.entries(CALLS))('%s', (_name, call) => {
  test.each(Object.entries(ANSWERS))('gives the same for %s with and without the relay', async (_what, answer) => {
    const { vendor, relay } = await setStage()
    const direct = await startDirectVendor()
    for (const each of [vendor, direct]) each.always(answerWith(answer, slice(7)))
    expect(await call.run(relay)).toStrictEqual(await call.run(direct))
    expect(vendor.bytesSent(1)).toEqual(direct.bytesSent(1))
  })

  test('tells its usage to the log as the vendor told it', async () => {
    const usage = { input: 100, cached: 20, output: 30, reasoning: 10 }
    const { vendor, relay } = await setStage()
    vendor.always(answerWith({ text: 'hello', usage }))
    await call.run(relay)
    const ends = relay.log.filter(({ event }) => event === 'request.end')
    expect(ends).toMatchObject([{ outcome: 'served', status: 200, attempts: 1, ...usage }])
  })
})
