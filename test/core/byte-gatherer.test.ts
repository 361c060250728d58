/**
 * A body that comes in chunks.
 */
import { expect, test } from 'vitest'
import { ByteGatherer } from '../../src/core/byte-gatherer.ts'

test.each([
  ['nothing is announced', NaN],
  ['its length is announced', 11],
  ['less is announced', 7],
  ['more is announced', 40],
])('is whole when %s', (_what, announcedBytes) => {
  const gathered = new ByteGatherer(announcedBytes)
  for (const chunk of ['hel', 'lo', '', ' world']) gathered.push(Buffer.from(chunk))
  expect([gathered.whole().toString(), gathered.length]).toEqual(['hello world', 11])
})

test('of one chunk is that chunk, and of none is empty', () => {
  const chunk = Buffer.from('hello')
  const gathered = new ByteGatherer(5)
  gathered.push(chunk)
  expect(gathered.whole()).toBe(chunk)
  expect(new ByteGatherer(5).whole()).toHaveLength(0)
})
