/**
 * Where a verb writes: results, and what is said about them. A line feed is added.
 */
export interface Output {
  print(text: string): void
  complain(text: string): void
}
