import { describe, expect, test } from 'vitest'
import { type Bag, createBag } from '../../src/core/bag.ts'

function contentOf(bag: Bag<string>): string[] {
  const content: string[] = []
  bag.forEach((item) => content.push(item))
  return content.toSorted()
}

describe('a bag', () => {
  test('holds what was put in and not taken out, whichever goes first', () => {
    const bag = createBag<string>()
    const removeA = bag.add('a')
    const removeB = bag.add('b')
    const removeC = bag.add('c')
    removeA()
    expect(contentOf(bag)).toEqual(['b', 'c'])
    removeC()
    expect(contentOf(bag)).toEqual(['b'])
    removeB()
    expect(bag.size).toBe(0)
  })

  test('takes a thing out once: a second call takes nothing else', () => {
    const bag = createBag<string>()
    const remove = bag.add('a')
    remove()
    bag.add('b')
    remove()
    expect(contentOf(bag)).toEqual(['b'])
  })

  test('visits nothing that has gone before its turn', () => {
    const bag = createBag<string>()
    const removes = ['a', 'b', 'c'].map((name) => bag.add(name))
    const visited: string[] = []
    bag.forEach((name) => {
      visited.push(name)
      for (const remove of removes) remove()
    })
    expect(visited).toEqual(['a'])
    expect(bag.size).toBe(0)
  })
})
