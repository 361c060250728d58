/**
 * Long texts as several deltas.
 */
import { expect, test } from 'vitest'
import { piecesOf } from '../../src/protocols/delta-pieces.ts'
import type { Delta } from '../../src/protocols/hub.ts'

const TYPES = ['text-delta', 'reasoning-delta', 'refusal-delta', 'tool-input-delta'] as const

test.each(TYPES)('a long %s comes in pieces that say the same, and no character is torn', (type) => {
  const text = `a${'😀'.repeat(500_000)}`
  const pieces = piecesOf({ type, key: 'k', text }) as Array<Extract<Delta, { text: string }>>
  expect(pieces.length).toBeGreaterThan(3)
  expect(Math.max(...pieces.map((piece) => piece.text.length))).toBeLessThanOrEqual(256 * 1024 + 1)
  expect(new Set(pieces.map((piece) => `${piece.type} ${piece.key}`))).toEqual(new Set([`${type} k`]))
  const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece.text)))
  expect(bytes.equals(Buffer.from(text))).toBe(true)
})

test.each<Delta>([
  { type: 'text-delta', key: 'k', text: '' },
  { type: 'text-delta', key: 'k', text: 'short' },
  { type: 'tool-input-end', key: 'k', input: 'x'.repeat(1_000_000) },
  { type: 'finish', reason: 'stop' },
])('anything else stays as it is', (delta) => {
  expect(piecesOf(delta)).toEqual([delta])
})
