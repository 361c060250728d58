/**
 * Names of accounts and tokens: each means one thing, and what refers to one finds it.
 */
import type { Account, ClientToken } from '../core/account.ts'
import { closestTo } from './closest.ts'
import type { Report } from './report.ts'

/** Errors for names that two entries of the list `key` share, the ones given by position included. */
export function reportRepeatedNames(names: readonly string[], key: string, report: Report): void {
  for (const [position, name] of names.entries()) {
    const first = names.indexOf(name)
    if (first === position) continue
    const lines = [first, position].map((each) => report.lineOf([key, each, 'name']))
    const message = `is called "${name}" like ${key}[${first}], on line ${lines.join(' and on line ')}`
    report.error([key, position], message, 'Give each its own name.', report.spanOf([key, position, 'name']))
  }
}

/** Warnings for tokens that are tied to accounts which do not exist. */
export function reportLostReferences(
  tokens: readonly ClientToken[],
  accounts: readonly Account[],
  report: Report,
): void {
  const known = accounts.flatMap(({ name, tags }) => [name, ...tags])
  for (const token of tokens) {
    for (const wanted of token.accounts.filter((each) => !known.includes(each))) {
      const near = closestTo(wanted, known)
      const advice = near === undefined ? '' : `Did you mean "${near}"?`
      report.warning(['auth_tokens'], `ties "${token.name}" to "${wanted}", which no account is called`, advice)
    }
  }
}
