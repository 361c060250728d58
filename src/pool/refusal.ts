/**
 * Why nobody serves a request, in words for the client and with the time when somebody will.
 */
import type { Account } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { formatDuration } from '../core/duration.ts'
import { GatewayError } from '../core/errors.ts'
import { PLATFORMS } from '../core/platforms.ts'
import { servesModel, type AccountState, type Exclusion, type Selection } from './select.ts'
import type { PoolRequest } from './lease.ts'

export interface Outlook {
  /** Some account would serve but has no free slot right now. */
  readonly isBusy: boolean
  /** The soonest end of a rest among accounts that would serve, in ms from now; null when none is known. */
  readonly returnsInMs: number | null
}

/** An account that will serve again, and in how many ms. */
export interface FirstReturn {
  readonly account: Account
  readonly inMs: number
}

/** When each account serves again, as far as it is known; 0 for one that would serve right now. `now` is monotonic. */
export function returnsOf({ ready, excluded }: Selection, now: number): FirstReturn[] {
  const resting = new Set(excluded.map(({ state }) => state))
  return [
    ...ready.filter((state) => !resting.has(state)).map(({ account }) => ({ account, inMs: 0 })),
    ...excluded.flatMap(({ state: { account }, until }) =>
      until === null ? [] : [{ account, inMs: Math.max(0, until - now) }],
    ),
  ]
}

/** What can be hoped for from the accounts that were passed over. `now` is monotonic. */
export function outlookOf(selection: Selection, now: number): Outlook {
  const ends = selection.excluded.flatMap(({ until }) => (until === null ? [] : [until - now]))
  return {
    isBusy: selection.excluded.some(({ reason }) => reason === 'full' || reason === 'probing'),
    returnsInMs: ends.length === 0 ? null : Math.max(0, Math.min(...ends)),
  }
}

/** The error for a request that no account can take. */
export function refuse(
  request: PoolRequest,
  selection: Selection,
  outlook: Outlook,
  states: readonly AccountState[],
  clock: Clock,
): GatewayError {
  const { model, protocol } = request
  const serving = selection.excluded.filter(({ reason }) => !NOT_SERVING.has(reason))
  if (serving.length === 0) return refuseModel(request, selection, states)
  const able = serving.filter(({ reason }) => reason !== 'other_protocol')
  if (able.length === 0) {
    return new GatewayError({
      kind: 'invalid_request',
      source: 'gateway',
      message: `no account serves "${model}" over ${PROTOCOL_TITLE[protocol]}; the accounts that have it speak another protocol`,
      param: 'model',
      retryable: false,
    })
  }
  if (outlook.isBusy) return refuseBusy('queue_full', 'every slot is taken')
  if (outlook.returnsInMs === null) {
    const reasons = able.map(({ state }) => state.problem).filter((problem) => problem !== null)
    return new GatewayError({
      kind: 'unavailable',
      source: 'gateway',
      message: `${nameAll(able)} for "${model}" cannot serve; /health says what is wrong`,
      retryable: false,
      cause: reasons,
    })
  }
  return refuseResting(model, able, outlook.returnsInMs, clock)
}

/** The error for a request that could be served, were there a free slot. */
export function refuseBusy(kind: 'queue_full' | 'queue_timeout', why: string): GatewayError {
  return new GatewayError({
    kind,
    source: 'gateway',
    message: `all accounts are busy: ${why}`,
    code: `relay_${kind}`,
    retryAfterMs: 5_000,
    limitedBy: 'queue',
  })
}

const NOT_SERVING: ReadonlySet<Exclusion['reason']> = new Set(['disabled', 'not_allowed', 'model_not_served'])

const PROTOCOL_TITLE = {
  anthropic: 'the Messages protocol',
  'openai-responses': 'the Responses protocol',
  'openai-chat': 'the Chat Completions protocol',
  gemini: 'the Gemini protocol',
} as const

function refuseResting(model: string, able: readonly Exclusion[], returnsInMs: number, clock: Clock): GatewayError {
  const reasons = new Set<string>(
    able.flatMap(({ reason, until, cooldown }) => (until === null ? [] : (cooldown?.reason ?? reason))),
  )
  if (reasons.size === 1 && reasons.has('model_unavailable')) {
    return new GatewayError({
      kind: 'model_not_found',
      source: 'gateway',
      message: `no account may use the model "${model}" (${able[0]?.cooldown?.message ?? 'refused by the vendor'})`,
      param: 'model',
      code: 'model_not_found',
      retryable: false,
    })
  }
  const isUsedUp = reasons.has('quota') || reasons.has('quota_gate')
  const isLimit = isUsedUp || reasons.has('burst') || reasons.has('rpm')
  const at = new Date(clock.now() + returnsInMs).toISOString().slice(0, 19)
  return new GatewayError({
    // What a client may read as a rate limit; the rest is the relay's own trouble.
    kind: isUsedUp ? 'usage_limit' : isLimit ? 'rate_limited' : 'unavailable',
    source: 'gateway',
    message:
      `${nameAll(able)} for "${model}" ${able.length === 1 ? 'is' : 'are'} resting ` +
      `(${[...reasons].join(', ')}); the first returns in ${formatDuration(returnsInMs)}, at ${at}Z`,
    retryAfterMs: returnsInMs,
    // A short wait is one that clients make by themselves.
    ...(returnsInMs > 60_000 ? { retryable: false } : {}),
    limitedBy: 'pool',
  })
}

function nameAll({ length }: readonly Exclusion[]): string {
  return length === 1 ? 'the only account' : `all ${length} accounts`
}

function refuseModel(request: PoolRequest, selection: Selection, states: readonly AccountState[]): GatewayError {
  const { model, protocol } = request
  const isForbidden = selection.excluded.some(
    ({ reason, state }) => reason === 'not_allowed' && servesModel(state.account, model, protocol),
  )
  if (isForbidden) {
    return new GatewayError({
      kind: 'forbidden',
      source: 'gateway',
      message: `this token may not use an account that serves "${model}"`,
      limitedBy: 'token',
      retryable: false,
    })
  }
  const served = states.flatMap(({ account }) =>
    account.models.length > 0 ? account.models : PLATFORMS[account.platform].families.slice(0, 1),
  )
  const close = closestNames(model, [...new Set(served)])
  return new GatewayError({
    kind: 'model_not_found',
    source: 'gateway',
    message: `no account serves the model "${model.slice(0, 200)}"${close.length > 0 ? `; served are for example ${close.join(', ')}` : ''}`,
    param: 'model',
    code: 'model_not_found',
    retryable: false,
  })
}

/** The names that share most of their beginning with what was asked for. */
function closestNames(asked: string, names: readonly string[]): string[] {
  const sharedStart = (name: string): number => {
    let length = 0
    while (length < name.length && name[length]?.toLowerCase() === asked[length]?.toLowerCase()) length++
    return length
  }
  return [...names].sort((a, b) => sharedStart(b) - sharedStart(a)).slice(0, 3)
}
