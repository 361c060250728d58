/**
 * Answers whose every word says which attempt on which account made it, and the reader that holds a client's answer to
 * that: all words from one attempt, in order, none missing from an answer that claims to be complete.
 */
import type { Answer } from '../harness/streams.ts'
import { readText } from '../harness/sse.ts'

export interface Mark {
  readonly attemptId: string
  readonly key: string
}

const WORD = /(att_[a-z]*\d+)=([a-z-]+\d*)=(\d+)\//g

/** The text of an answer of `words` words. */
export function markedText({ attemptId, key }: Mark, words: number): Answer['text'] & {} {
  return Array.from({ length: words }, (_, n) => `${attemptId}=${key}=${n}/ `)
}

export interface Reading {
  /** Every attempt that any part of the answer came from: one, or something is very wrong. */
  readonly attempts: ReadonlySet<string>
  readonly keys: ReadonlySet<string>
  readonly words: number
  /** They are counted from 0 without a gap. */
  readonly isInOrder: boolean
}

export function readMarks(body: Buffer, isStream: boolean): Reading {
  const text = isStream ? readText(body) : body.toString()
  const found = [...text.matchAll(WORD)]
  // Ids of the answer carry the attempt as well.
  const attempts = new Set([...body.toString().matchAll(/att_[a-z]*\d+/g)].map(([attempt]) => attempt))
  return {
    attempts,
    keys: new Set(found.map(([, , key]) => key as string)),
    words: found.length,
    isInOrder: found.every(([, , , n], position) => Number(n) === position),
  }
}
