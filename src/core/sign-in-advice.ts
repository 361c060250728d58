/**
 * The one sentence that tells an owner how to mend an account without a sign-in.
 */

/** `sign in with: sub2api-simple login <name>`, ready to be pasted into a shell. */
export function signInAdvice(accountName: string): string {
  const word = /^[\w.-]+$/.test(accountName) ? accountName : `'${accountName.replaceAll("'", String.raw`'\''`)}'`
  return `sign in with: sub2api-simple login ${word}`
}
