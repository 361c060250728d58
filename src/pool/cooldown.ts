/**
 * Why an account rests and until when: one entry per reason, made from a verdict and the history, healed by success.
 * Pure functions over `Health`; the pool owns the objects and the clock.
 */
import type { Reason, Verdict } from '../core/verdict.ts'

/** One reason to rest. Times are on the monotonic hand. */
export interface Cooldown {
  readonly reason: Reason
  /** Null when it holds for every model of the account. */
  readonly model: string | null
  readonly message: string
  /** How often in a row, counting only attempts that began after the entry was made. */
  readonly streak: number
  readonly setAt: number
  readonly until: number
  /** From here one real request may try although `until` has not come; Infinity for never. */
  readonly probeAt: number
  /** A request is trying right now; nobody else may. */
  readonly isProbing: boolean
}

/** Entries by reason, and by reason and model where the reason concerns one model. */
export type Health = Map<string, Cooldown>

export type CoolingReason = Exclude<Reason, 'success' | 'client_mistake' | 'client_gone'>

interface Rule {
  readonly scope: 'account' | 'model'
  readonly firstMs: number
  readonly longestMs: number
  /** Failures in a row that cost nothing. */
  readonly forgiven: number
  /** Share of the length that chance may add or take. */
  readonly jitter: number
  /** After the end one request at a time may try until one succeeds. */
  readonly isHalfOpen: boolean
  /** While it lasts, one request may try this often. */
  readonly probeEveryMs: number
  /** Never the reason that a model has no account left. */
  readonly sparesLast: boolean
  /** The vendor's hint is taken within these bounds; null ignores it. */
  readonly hintMs: readonly [shortest: number, longest: number] | null
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const GENTLE = { scope: 'account', forgiven: 0, jitter: 0, isHalfOpen: true, probeEveryMs: Infinity } as const
const PASSING = { ...GENTLE, firstMs: 5 * SECOND, longestMs: MINUTE, jitter: 0.2, isHalfOpen: false, sparesLast: true }

/** All numbers of what a failure costs. */
const RULES: Record<CoolingReason, Rule> = {
  transient: { ...PASSING, forgiven: 1, hintMs: null },
  overloaded: { ...PASSING, hintMs: [SECOND, MINUTE] },
  proxy: { ...PASSING, hintMs: null },
  burst: {
    ...GENTLE,
    scope: 'model',
    firstMs: 2 * SECOND,
    longestMs: MINUTE,
    sparesLast: false,
    hintMs: [SECOND, HOUR],
  },
  quota: {
    ...GENTLE,
    firstMs: MINUTE,
    longestMs: HOUR,
    probeEveryMs: 5 * MINUTE,
    sparesLast: false,
    hintMs: [SECOND, Infinity],
  },
  model_unavailable: {
    ...GENTLE,
    scope: 'model',
    firstMs: 10 * MINUTE,
    longestMs: 10 * MINUTE,
    sparesLast: false,
    hintMs: null,
  },
  unauthorized: { ...GENTLE, firstMs: 10 * MINUTE, longestMs: HOUR, sparesLast: false, hintMs: null },
  billing: { ...GENTLE, firstMs: 10 * MINUTE, longestMs: 6 * HOUR, sparesLast: false, hintMs: null },
  forbidden: { ...GENTLE, firstMs: MINUTE, longestMs: 30 * MINUTE, sparesLast: false, hintMs: null },
  banned: { ...GENTLE, firstMs: 30 * MINUTE, longestMs: 30 * MINUTE, sparesLast: false, hintMs: null },
}

/** A quota window's end is approached with a small delay, so that a fleet does not wake in the same second. */
const QUOTA_MARGIN_MS: readonly [number, number] = [SECOND, 5 * SECOND]

const MOST_ENTRIES = 128

export interface FailureFacts {
  readonly verdict: Verdict & { readonly reason: CoolingReason }
  readonly model: string
  /** When the attempt began: a failure of an attempt older than the entry is no news. */
  readonly startedAt: number
  readonly now: number
  readonly random: number
  /** Cap of every cooldown (`cooldown.max`). */
  readonly longestMs: number
}

/** Enters a failure and returns the entry, or null when it costs nothing yet. */
export function recordFailure(health: Health, facts: FailureFacts): Cooldown | null {
  const { verdict, now } = facts
  const rule = RULES[verdict.reason]
  const model = rule.scope === 'model' ? facts.model : null
  const key = healthKey(verdict.reason, model)
  const before = health.get(key)
  // Requests that were under way together fail together; that is one failure, told several times.
  const isNews = before === undefined || facts.startedAt >= before.setAt
  const streak = (before?.streak ?? 0) + (isNews ? 1 : 0)
  const lengthMs = Math.min(lengthOf(rule, streak, facts), facts.longestMs)
  const isHinted = rule.hintMs !== null && verdict.retryAfterMs !== undefined
  const until = isNews ? now + lengthMs : Math.max(before.until, isHinted ? now + lengthMs : 0)
  const entry: Cooldown = {
    reason: verdict.reason,
    model,
    message: verdict.message,
    streak,
    setAt: isNews ? now : before.setAt,
    until,
    probeAt: now + rule.probeEveryMs,
    isProbing: false,
  }
  health.delete(key)
  health.set(key, entry)
  // Model names come from strangers: the oldest entry makes room.
  if (health.size > MOST_ENTRIES) health.delete(health.keys().next().value as string)
  return until > now ? entry : null
}

function lengthOf(rule: Rule, streak: number, facts: FailureFacts): number {
  const hintMs = facts.verdict.retryAfterMs
  if (rule.hintMs !== null && hintMs !== undefined) {
    const [shortest, longest] = rule.hintMs
    const margin =
      facts.verdict.reason === 'quota'
        ? QUOTA_MARGIN_MS[0] + facts.random * (QUOTA_MARGIN_MS[1] - QUOTA_MARGIN_MS[0])
        : 0
    return Math.min(longest, Math.max(shortest, hintMs)) + margin
  }
  const counted = streak - rule.forgiven
  if (counted <= 0) return 0
  const doubled = Math.min(rule.longestMs, rule.firstMs * 2 ** Math.min(counted - 1, 30))
  return doubled * (1 + rule.jitter * (2 * facts.random - 1))
}

/**
 * A success heals: every entry of the account and of this model that was made before the attempt began. One made since
 * stands, because the attempt proves nothing about it.
 */
export function recordSuccess(health: Health, model: string, startedAt: number): void {
  for (const [key, entry] of health) {
    if ((entry.model === null || entry.model === model) && entry.setAt <= startedAt) health.delete(key)
  }
}

/**
 * Content flows: whatever concerned key, money, rights or quota is over. Passing trouble is judged at the end, else an
 * account that breaks every stream would heal with each beginning.
 */
export function recordServing(health: Health, model: string, startedAt: number): void {
  for (const [key, entry] of health) {
    const isPassing = RULES[entry.reason as CoolingReason].sparesLast
    if (!isPassing && (entry.model === null || entry.model === model) && entry.setAt <= startedAt) health.delete(key)
  }
}

/** Whether an entry keeps requests away now, lets one through to try, or nothing at all. */
function judgeEntry(entry: Cooldown, now: number): 'open' | 'probe' | 'closed' {
  const rule = RULES[entry.reason as CoolingReason]
  if (now < entry.until) return now >= entry.probeAt && !entry.isProbing ? 'probe' : 'closed'
  if (!rule.isHalfOpen) return 'open'
  return entry.isProbing ? 'closed' : 'probe'
}

export interface HealthView {
  readonly state: 'open' | 'probe' | 'closed'
  /** The entry that keeps it closed longest. */
  readonly blockedBy: Cooldown | null
  /** True when nothing but passing trouble keeps it closed. */
  readonly sparesLast: boolean
}

/** The account's health for one model; `model` null asks for the account alone. */
export function viewHealth(health: Health, model: string | null, now: number): HealthView {
  let state: HealthView['state'] = 'open'
  let blockedBy: Cooldown | null = null
  let sparesLast = true
  for (const entry of health.values()) {
    if (entry.model !== null && entry.model !== model) continue
    const judged = judgeEntry(entry, now)
    if (judged === 'open') continue
    if (judged === 'closed') {
      state = 'closed'
      sparesLast &&= RULES[entry.reason as CoolingReason].sparesLast
      if (blockedBy === null || entry.until > blockedBy.until) blockedBy = entry
    } else if (state === 'open') {
      state = 'probe'
    }
  }
  return { state, blockedBy, sparesLast }
}

/** Marks or unmarks every entry that the coming request tries out. */
export function setProbing(health: Health, model: string, now: number, isProbing: boolean): void {
  for (const [key, entry] of health) {
    if (entry.model !== null && entry.model !== model) continue
    const concerned = isProbing ? judgeEntry(entry, now) === 'probe' : entry.isProbing
    if (concerned) {
      const probeEveryMs = RULES[entry.reason as CoolingReason].probeEveryMs
      health.set(key, { ...entry, isProbing, probeAt: isProbing ? now + probeEveryMs : entry.probeAt })
    }
  }
}

/** A response with room in every window lifts a quota cooldown: the vendor has reset early. */
export function liftQuota(health: Health): void {
  health.delete(healthKey('quota', null))
}

/** Another credential lifts what the old one was refused for; limits and passing trouble are not its doing. */
export function forgiveCredential(health: Health): void {
  for (const [key, { reason }] of health) if (OF_CREDENTIAL.has(reason)) health.delete(key)
}

const OF_CREDENTIAL: ReadonlySet<Reason> = new Set(['unauthorized', 'forbidden', 'banned', 'billing'])

function healthKey(reason: Reason, model: string | null): string {
  return model === null ? reason : `${reason} ${model}`
}
