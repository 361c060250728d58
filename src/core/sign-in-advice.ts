/**
 * The one sentence that tells an owner how to mend an account without a sign-in.
 */

import { shellWord } from './shell-word.ts'

/** `sign in with: sub2api-simple login <name>`, ready to be pasted into a shell. */
export function signInAdvice(accountName: string): string {
  return `sign in with: ${signInCommand(accountName)}`
}

export function signInCommand(accountName: string): string {
  return `sub2api-simple login ${shellWord(accountName)}`
}
