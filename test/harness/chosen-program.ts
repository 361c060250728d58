/**
 * Which program the stories are played against. Apart from everything else, because also those ask who know nothing of
 * processes.
 */

/** Undefined for the usual run of the tests, in which everything that can be is in this process. */
export const binary = process.env['SUB2API_PROGRAM'] || undefined

/** What a story says of itself to the runner of the matrix. */
export interface StoryMeta {
  /** It was played against the chosen program, or would have been if it could. */
  program?: boolean
  /** What each answer to `/health` took while it was played, when the runner asked for that. */
  healthMs?: number[]
}
