import { expect, test } from 'vitest'
import type { Delta } from '../../src/protocols/hub.ts'
import { createStopWatch } from '../../src/protocols/stop-watch.ts'

function watch(pieces: readonly string[], stops: readonly string[]): { text: string; last: Delta | undefined } {
  const stopWatch = createStopWatch(stops)
  const deltas: Delta[] = [
    { type: 'text-start', key: 'a' },
    ...pieces.map((text): Delta => ({ type: 'text-delta', key: 'a', text })),
    { type: 'text-end', key: 'a' },
    { type: 'finish', reason: 'stop' },
  ]
  const passed = deltas.flatMap((delta) => stopWatch([delta]))
  const text = passed.map((delta) => (delta.type === 'text-delta' ? delta.text : '')).join('')
  return { text, last: passed.at(-1) }
}

test.each([
  ['in one piece', ['one STOP two']],
  ['letter by letter', 'one STOP two'.split('')],
  ['cut in the middle', ['one ST', 'OP two']],
])('the answer ends where a stop sequence begins: %s', (_how, pieces) => {
  expect(watch(pieces, ['END', 'STOP'])).toEqual({
    text: 'one ',
    last: { type: 'finish', reason: 'stop_sequence', stopSequence: 'STOP' },
  })
})

test('what only looked like the beginning of one is not lost', () => {
  expect(watch(['a S', 'T', 'A', 'ND S'], ['STOP'])).toEqual({
    text: 'a STAND S',
    last: { type: 'finish', reason: 'stop' },
  })
})

test('of two sequences the earlier one counts', () => {
  expect(watch(['x bb aa'], ['aa', 'bb']).last).toMatchObject({ stopSequence: 'bb' })
})
