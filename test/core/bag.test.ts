import { describe, expect, test } from 'vitest'
import { createBag } from '../../src/core/bag.ts'

describe('a bag', () => {
  test('holds what was put in and not taken out, whichever goes first', () => {
    const bag = createBag<string>()
    const [removeA, removeB] = [bag.add('a'), bag.add('b')]
    const removeC = bag.add('c')
    removeA()
    expect(bag.list().toSorted()).toEqual(['b', 'c'])
    removeC()
    expect(bag.list()).toEqual(['b'])
    removeB()
    expect(bag.size).toBe(0)
  })

  test('takes a thing out once: a second call takes nothing else', () => {
    const bag = createBag<string>()
    const remove = bag.add('a')
    remove()
    bag.add('b')
    remove()
    expect(bag.list()).toEqual(['b'])
  })

  test('may change while its list is walked through', () => {
    const bag = createBag<() => void>()
    const seen: number[] = []
    const removes = [1, 2, 3].map((n) => bag.add(() => (seen.push(n), removes.forEach((remove) => remove()))))
    for (const each of bag.list()) each()
    expect(seen).toEqual([1, 2, 3])
    expect(bag.size).toBe(0)
  })
})
