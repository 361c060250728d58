/**
 * Work in steps.
 */
import { expect, test } from 'vitest'
import { Steps } from '../../src/relay/steps.ts'
import { settle } from '../harness/clock.ts'

function setStage() {
  const stage = { told: [] as string[], isHeld: false }
  const steps = new Steps({ isHeld: () => stage.isHeld, onDone: () => void stage.told.push('done') })
  function* work(name: string, count: number): Generator<void> {
    for (let step = 1; step <= count; step++) {
      stage.told.push(`${name}${step}`)
      yield
    }
  }
  return { stage, steps, work }
}

test('one step per turn of the event loop, one work behind the other', async () => {
  const { stage, steps, work } = setStage()
  steps.add(work('a', 2))
  steps.add(work('b', 1))
  expect([stage.told, steps.isBusy]).toEqual([[], true])
  const seen: string[] = []
  while (steps.isBusy) {
    await settle(1)
    seen.push(stage.told.join(' '))
  }
  // The turn in which a work turns out to be done is one of its own.
  expect(seen).toEqual(['a1', 'a1 a2', 'a1 a2', 'a1 a2 b1', 'a1 a2 b1 done'])
})

test('none while they are held, and then the next', async () => {
  const { stage, steps, work } = setStage()
  steps.add(work('a', 2))
  await settle(1)
  stage.isHeld = true
  for (let turns = 0; turns < 3; turns++) await settle(1)
  expect(stage.told).toEqual(['a1'])
  stage.isHeld = false
  steps.goOn()
  steps.goOn()
  await settle(1)
  expect(stage.told).toEqual(['a1', 'a2'])
})
