/**
 * What became of one request of the soak, and whether it may have.
 */
import type { RawResponse } from '../harness/raw-client.ts'
import { readMarks } from './marked-answers.ts'
import type { Plan } from './soak.ts'

/**
 * - `served`: the whole answer of one attempt
 * - `told`: an error that the client could act on, and every account that was asked had failed
 * - `broken`: the answer broke off where its attempt did, and said so
 * - `left`: the client did not wait for the end
 * - `unexplained`: anything else
 */
export type Verdict =
  | { readonly kind: 'served' | 'told' | 'broken' | 'left' }
  | { readonly kind: 'unexplained'; readonly why: string }

export function judge(plan: Plan, answer: RawResponse): Verdict {
  const { status, ended, body, headers } = answer
  const { fault, attempts } = plan
  const unexplained = (what: string): Verdict => {
    const met = attempts.map(({ key, fault }) => `${key} ${fault?.name ?? 'well'}`).join(', ')
    const story = `${plan.protocol} ${plan.isStream ? 'stream' : 'whole'}, asked: ${met || 'nobody'}`
    return { kind: 'unexplained', why: `request ${plan.id}: ${what}; ${story}; ${status} ${ended}: ${tail(body)}` }
  }
  const isEventStream = headers['content-type']?.startsWith('text/event-stream') ?? false
  if (status === 200) {
    const marks = readMarks(body, isEventStream)
    const [attempt] = marks.attempts
    const made = attempts.find(({ attemptId }) => attemptId === attempt)
    if (marks.attempts.size > 1) return unexplained(`bytes of ${[...marks.attempts].join(' and ')}`)
    if (attempt !== undefined && made === undefined) return unexplained('bytes of another request')
    if ([...marks.keys].some((key) => key !== made?.key)) return unexplained('bytes of another account')
    if (!marks.isInOrder) return unexplained('words are missing from the middle')
    if (made !== undefined && headers['x-relay-account'] !== made.key) return unexplained('another account is named')
    if (plan.isLeaving && ended !== 'clean') return { kind: 'left' }
    if (marks.words === plan.words && ended === 'clean' && isFinished(body, isEventStream)) return { kind: 'served' }
    if (made?.fault?.mayBreak === true && (ended !== 'clean' || /error/.test(tail(body)))) return { kind: 'broken' }
    return unexplained(`${marks.words} of ${plan.words} words`)
  }
  if (plan.isLeaving && ended !== 'clean') return { kind: 'left' }
  const haveAllFailed = attempts.every(({ fault }) => fault !== null && fault.isHarmless !== true)
  if (status === 400 && fault?.isClients === true) return { kind: 'told' }
  // Nobody was asked: all rest, or the queue is full; then there must be a time to come back.
  if (attempts.length === 0)
    return 'retry-after' in headers ? { kind: 'told' } : unexplained('refused without a reason')
  return haveAllFailed && status >= 429 ? { kind: 'told' } : unexplained('an error although an account served')
}

/** A stream that says it is over in its dialect; a whole answer is over when its bytes are. */
function isFinished(body: Buffer, isEventStream: boolean): boolean {
  return !isEventStream || /message_stop|\[DONE\]|response\.completed|"finishReason"/.test(tail(body))
}

function tail(body: Buffer): string {
  return body.subarray(-6_000).toString()
}
