/**
 * What a request uses up of its token's limits; before it is served, what it may use at most.
 */

export interface Spend {
  /** Input and output, without what came from the vendor's cache. */
  readonly tokens: number
  /** USD; null when nobody knows what the model costs. */
  readonly cost: number | null
}
