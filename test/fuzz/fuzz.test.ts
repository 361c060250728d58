/**
 * The fuzzer in its short form, and everything that it has ever found; `npm run fuzz` is the long one.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createSeededRandom } from '../core/seeded-random.ts'
import { fuzz, type FuzzFinding, tryInput } from './fuzz.ts'
import { mutate } from './mutate.ts'
import { type FuzzTarget, TARGETS } from './targets.ts'

const found = fileURLToPath(new URL('found/', import.meta.url))

test('bad bodies, streams, answers and configs are refused in words, never with a crash', async () => {
  const { rounds, findings } = await fuzz({ seconds: 3, seed: 1, progress: () => {} })
  expect(findings).toEqual([])
  expect(rounds).toBeGreaterThan(TARGETS.length)
}, 30_000)

test.each(TARGETS.map((target) => [target.name, target] as const))('%s takes what is good', async (_name, target) => {
  for (const input of target.corpus) expect(await tryInput(target, input)).toBeNull()
})

describe('what the fuzzer has found stays mended', () => {
  test.each(readdirSync(found).filter((name) => name.endsWith('.json')))('%s', async (name) => {
    const { target, inputBase64 } = JSON.parse(readFileSync(join(found, name), 'utf8')) as FuzzFinding
    const known = TARGETS.find((each) => each.name === target) as FuzzTarget
    expect(await tryInput(known, Buffer.from(inputBase64, 'base64'))).toBeNull()
  })
})

test('the same seed makes the same inputs', () => {
  const inputs = (seed: number): string[] => {
    const random = createSeededRandom(seed)
    const corpus = TARGETS[0]?.corpus ?? []
    return Array.from({ length: 20 }, () => mutate(random.pick(corpus), random, corpus).toString('base64'))
  }
  expect(inputs(5)).toEqual(inputs(5))
  expect(inputs(5)).not.toEqual(inputs(6))
})

test('a fault is noticed, whether it throws, rejects or takes too long', async () => {
  const target = (run: FuzzTarget['run']): FuzzTarget => ({ name: 'x', corpus: [], run })
  const input = Buffer.from('x')
  const broken = (): never => {
    throw new TypeError('a fault')
  }
  expect(await tryInput(target(broken), input)).toContain('TypeError: a fault')
  expect(
    await tryInput(
      target(async () => broken()),
      input,
    ),
  ).toContain('TypeError: a fault')
  expect(
    await tryInput(
      target(() => {}),
      input,
    ),
  ).toBeNull()
})
