/**
 * Text that came from outside, made fit for a terminal or a line of a log.
 */

/** Those of both sets, those that break a line, and those that turn the direction of writing. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/
const EVERY_CONTROL = new RegExp(CONTROL, 'g')

/** Control characters, which could forge lines or drive a terminal, become their escapes. */
export function printable(text: string): string {
  // Hardly a text has any, and then it stays the text it was.
  if (!CONTROL.test(text)) return text
  return text.replace(EVERY_CONTROL, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
