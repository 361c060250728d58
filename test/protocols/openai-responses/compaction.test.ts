import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Delta } from '../../../src/protocols/hub.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { hubDownstream } from '../../../src/protocols/openai-responses/hub-downstream.ts'
import { contextOf, encodeAll, eventsOf } from '../hub-stage.ts'

const decode = (...input: JsonObject[]) => {
  const ledger = createLedger()
  const body = { input: [{ role: 'user', content: 'Fix it' }, ...input] }
  return { conversation: hubDownstream.decodeRequest(body, { model: 'm', stream: true }, ledger), ledger }
}
const TRIGGER = { type: 'compaction_trigger' }
const answer = (...texts: string[]): Delta[] => [
  { type: 'start', id: 'up_1', model: 'm' },
  { type: 'text-start', key: 'a' },
  ...texts.map((text): Delta => ({ type: 'text-delta', key: 'a', text })),
  { type: 'text-end', key: 'a' },
  { type: 'finish', reason: 'stop' },
]

describe('a compaction for Codex', () => {
  it('asks the model for a summary, and for no calls', () => {
    const { conversation, ledger } = decode(TRIGGER)
    expect(conversation.turns.at(-1)?.parts).toMatchObject([{ text: expect.stringMatching(/^Summarize/) as string }])
    expect(conversation.toolChoice).toEqual({ mode: 'none' })
    expect(ledger.entries).toEqual([])
  })

  it('answers with exactly one item, which any account can read on the next turn', () => {
    const context = contextOf(decode(TRIGGER).conversation)
    const events = eventsOf(encodeAll(hubDownstream, answer('All ', 'done.'), context)) as JsonObject[]
    const { output } = (events.at(-1) as unknown as { response: { output: JsonObject[] } }).response
    expect(output).toEqual([{ id: 'cmp_2', type: 'compaction', encrypted_content: expect.any(String) as string }])
    expect(events.map(({ type }) => type)).toContain('response.output_item.done')
    const { conversation } = decode(...output)
    expect(conversation.turns[0]?.parts.at(-1)).toEqual({
      type: 'text',
      text: 'Summary of the conversation so far:\n\nAll done.',
    })
  })

  it('without a summary is a failure', () => {
    const context = contextOf(decode(TRIGGER).conversation)
    expect(() => encodeAll(hubDownstream, answer(' '), context)).toThrow('no summary')
  })

  it('that OpenAI sealed is dropped, and noted', () => {
    const { conversation, ledger } = decode({ type: 'compaction', encrypted_content: 'gAAAAx' })
    expect(conversation.turns).toHaveLength(1)
    expect(ledger.entries).toEqual(['dropped:compaction'])
  })
})
