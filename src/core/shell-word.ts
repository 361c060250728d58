/**
 * Names in command lines that are shown to be pasted.
 */

/** The text as one word of a shell, in quotes where it needs them. */
export function shellWord(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
