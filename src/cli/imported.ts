/**
 * What a foreign config becomes: a config of ours as it is written, and what of the other has no counterpart.
 */
import { randomBytes } from 'node:crypto'
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts'

export interface Imported {
  /** The program it comes from, as people call it. */
  readonly from: string
  readonly config: JsonObject
  /** What was left out or has to be done by hand, a sentence each. */
  readonly notes: readonly string[]
}

/** The objects of a list; nothing for a value of another kind. */
export function objectsOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** The texts of a list that are not empty; nothing for a value of another kind. */
export function textsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string' && each !== '') : []
}

/** Empty for everything that is not text. */
export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value.trim() : ''
}

/** The members that hold something: text that is not empty, a list or an object with members, a number, true. */
export function filled(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => isFilled(value)))
}

function isFilled(value: JsonValue | undefined): boolean {
  if (value === null || value === undefined || value === '' || value === false) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

/** Accounts of one name are told apart by a number. */
export function withUniqueNames(accounts: readonly JsonObject[]): JsonObject[] {
  const seen = new Map<string, number>()
  return accounts.map((account) => {
    const name = textOf(account['name'])
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? account : { ...account, name: `${name}-${count}` }
  })
}

/** The tokens as they were, so that clients need no change; a new one where there was none. */
export function tokensOf(tokens: readonly string[]): string[] {
  return tokens.length > 0 ? [...tokens] : [randomBytes(24).toString('hex')]
}
