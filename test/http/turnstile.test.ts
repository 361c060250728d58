/**
 * How requests that come in one moment are let in.
 */
import { describe, expect, test } from 'vitest'
import { createTurnstile } from '../../src/http/turnstile.ts'

/** Each request takes `costMs` to begin. */
function setStage(costMs: number) {
  const stage = { nowMs: 0, begun: [] as string[] }
  const turnstile = createTurnstile({ monotonic: () => stage.nowMs })
  const begin = (name: string): void => {
    stage.begun.push(name)
    stage.nowMs += costMs
  }
  const come = (name: string, isNewcomer: boolean): void => {
    const wait = turnstile.enter(isNewcomer)
    if (wait === null) begin(name)
    else void wait.then(() => begin(name))
  }
  return { stage, come }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`)

describe('requests on known connections', () => {
  test('begin at once, whether alone or a few together', async () => {
    const { stage, come } = setStage(1)
    for (const name of names(5)) come(name, false)
    expect(stage.begun).toEqual(names(5))
    await turn()
    come('the next', false)
    expect(stage.begun).toHaveLength(6)
  })

  test('begin by the handful when they are many, in their order, and the event loop turns in between', async () => {
    const { stage, come } = setStage(1)
    for (const name of names(12)) come(name, false)
    const counts = [stage.begun.length]
    for (let turns = 0; turns < 2; turns++) {
      await turn()
      counts.push(stage.begun.length)
    }
    expect(counts).toEqual([5, 10, 12])
    expect(stage.begun).toEqual(names(12))
  })
})

describe('newcomers', () => {
  test('begin at once when they come one after the other', async () => {
    const { stage, come } = setStage(1)
    for (const name of names(5)) {
      stage.nowMs += 1
      come(name, true)
      await turn()
    }
    expect(stage.begun).toEqual(names(5))
  })

  test('wait while every turn brings another one, and begin when a turn brings none', async () => {
    const { stage, come } = setStage(0.1)
    for (const name of names(10)) {
      come(name, true)
      await turn()
    }
    // The first came before there was a crowd.
    expect(stage.begun).toEqual(['0'])
    await turn()
    expect(stage.begun).toEqual(names(10))
  })

  test('of a crowd that comes and comes wait 15 ms at most', async () => {
    const { stage, come } = setStage(0.1)
    const cameAt: number[] = []
    const waitedMs: number[] = []
    for (const name of names(100)) {
      cameAt.push(stage.nowMs)
      come(name, true)
      stage.nowMs += 1
      await turn()
      while (waitedMs.length < stage.begun.length) waitedMs.push(stage.nowMs - (cameAt[waitedMs.length] as number))
    }
    expect(waitedMs.length).toBeGreaterThan(80)
    expect(Math.max(...waitedMs)).toBeGreaterThan(10)
    expect(Math.max(...waitedMs)).toBeLessThan(20)
  })

  test('do not hold up those who have been here before', () => {
    const { stage, come } = setStage(0.1)
    come('the first', true)
    come('one of a crowd', true)
    come('known', false)
    expect(stage.begun).toEqual(['the first', 'known'])
  })
})
