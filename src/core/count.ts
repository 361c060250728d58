/**
 * A number of things in words for people: `1 account`, `2 accounts`.
 */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}
