import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Delta, Tool } from '../../../src/protocols/hub.ts'
import { hubDownstream } from '../../../src/protocols/openai-responses/hub-downstream.ts'
import { contextOf, conversationOf, encodeAll, eventsOf } from '../hub-stage.ts'
import { startCpuClock } from '../../harness/cpu.ts'

const FINISH: Delta = { type: 'finish', reason: 'stop' }
const CUSTOM: Tool = { kind: 'custom', name: 'apply_patch', description: '', format: null }

type Event = JsonObject & { readonly delta: string }

const eventsFor = (deltas: readonly Delta[], context = contextOf()): Event[] =>
  eventsOf(encodeAll(hubDownstream, deltas, context)) as Event[]
const toldBy = (events: readonly Event[]): string =>
  events.flatMap((event) => (event['type'] === 'response.custom_tool_call_input.delta' ? [event.delta] : [])).join('')

describe('6.39: free text for a custom tool', () => {
  const PATCH = '*** Begin Patch\n+ "quoted" \\ tab\t😀 \u0001\n*** End Patch'
  const context = () => contextOf(conversationOf({ tools: [CUSTOM] }))
  const wrapped = (json: string, cut: number): Delta[] => [
    { type: 'tool-input-start', key: 'a', id: 'call_a', name: 'apply_patch', kind: 'function' },
    ...(json.match(new RegExp(`[^]{1,${cut}}`, 'g')) ?? []).map((text): Delta => ({
      type: 'tool-input-delta',
      key: 'a',
      text,
    })),
    { type: 'tool-input-end', key: 'a', input: json },
  ]
  const ESCAPED = JSON.stringify({ input: PATCH }).replace('😀', '\\ud83d\\ude00')

  it.each([1, 2, 3, 5, 8, 13, 1000])('is unwrapped while it comes, cut every %s characters', (cut) => {
    const events = eventsFor([...wrapped(ESCAPED, cut), FINISH], context())
    expect(toldBy(events)).toBe(PATCH)
    expect(events.at(-1)?.['response']).toMatchObject({
      output: [{ type: 'custom_tool_call', name: 'apply_patch', input: PATCH, status: 'completed' }],
    })
  })

  it('that is not wrapped stays what it is', () => {
    const events = eventsFor([...wrapped('{"patch":"x"}', 3), FINISH], context())
    expect(toldBy(events)).toBe('{"patch":"x"}')
    expect(events.at(-1)?.['response']).toMatchObject({ output: [{ input: '{"patch":"x"}', status: 'completed' }] })
  })

  it('that is cut off ends where it was cut', () => {
    const events = eventsFor(
      [...wrapped('{"input":"*** Begin\\nx\\', 4), { type: 'finish', reason: 'max_tokens' }],
      context(),
    )
    expect(toldBy(events)).toBe('*** Begin\nx')
    expect(events.at(-1)?.['response']).toMatchObject({ output: [{ input: '*** Begin\nx', status: 'incomplete' }] })
  })

  it('6.37: of 8 MB takes no longer than its bytes, whether wrapped or not', () => {
    for (const opening of ['{"input":"', '{"other":"']) {
      const encoder = hubDownstream.createStreamEncoder(context())
      const piece = '\\n'.repeat(256)
      encoder.encode({ type: 'tool-input-start', key: 'a', id: 'a', name: 'apply_patch', kind: 'function' })
      const cpuMs = startCpuClock()
      encoder.encode({ type: 'tool-input-delta', key: 'a', text: opening })
      for (let i = 0; i < 16_384; i++) encoder.encode({ type: 'tool-input-delta', key: 'a', text: piece })
      expect(cpuMs()).toBeLessThan(2_000)
    }
  })
})
