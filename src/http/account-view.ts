/**
 * One account as its owner sees it: whether it serves, why not, until when, and what mends it.
 */
import type { Clock } from '../core/clock.ts'
import { shellWord } from '../core/shell-word.ts'
import { signInCommand } from '../core/sign-in-advice.ts'
import type { SignInStatus, TokenKeeper } from '../oauth/tokens.ts'
import { type Cooldown, viewHealth } from '../pool/cooldown.ts'
import { type AccountState, fullWindowOf } from '../pool/select.ts'
import type { AccountUse } from '../usage/recorder.ts'
import type { AccountView, CooldownView, SignInView, WindowView } from './views.ts'

export interface AccountSources {
  readonly clock: Clock
  readonly describeSignIn: TokenKeeper['describe']
  /** Vendors quote what they refuse. */
  readonly redact: (text: string) => string
}

const LONGEST_MESSAGE = 300

/** `sessions`: how many conversations are at home with it; `use`: what it did since the start. */
export function viewAccount(
  state: AccountState,
  sessions: number,
  use: Readonly<AccountUse> | null,
  sources: AccountSources,
): AccountView {
  const { account } = state
  const signIn = sources.describeSignIn(account)
  return {
    name: account.name,
    platform: account.platform,
    type: account.type,
    protocols: state.protocols,
    tags: account.tags,
    priority: account.priority,
    concurrency: account.concurrency,
    in_flight: state.inFlight,
    ...judge(state, sources),
    cooldowns: viewCooldowns(state, sources),
    windows: viewWindows(state),
    sign_in: signIn === null ? null : viewSignIn(signIn),
    sessions,
    requests: use?.requests ?? 0,
    failures: use?.failures ?? 0,
    cache_hit_percent: use === null || use.inputInAll === 0 ? null : Math.round((100 * use.cached) / use.inputInAll),
    last_error:
      use === null || use.lastError === null
        ? null
        : { at: timeOf(use.lastError.at), message: use.lastError.message.slice(0, LONGEST_MESSAGE) },
  }
}

/** The entries that keep requests away now. */
export function restsOf({ health }: AccountState, { clock }: Pick<AccountSources, 'clock'>): Cooldown[] {
  return [...health.values()].filter(({ until }) => until > clock.monotonic())
}

export function viewCooldowns(state: AccountState, sources: Pick<AccountSources, 'clock' | 'redact'>): CooldownView[] {
  const { clock, redact } = sources
  return restsOf(state, sources).map(({ reason, model, message, until, streak }) => ({
    reason,
    model,
    message: redact(message).slice(0, LONGEST_MESSAGE),
    until: timeOf(clock.now() + until - clock.monotonic()),
    failures_in_a_row: streak,
  }))
}

export function viewWindows({ windows }: AccountState): Record<string, WindowView> {
  return Object.fromEntries(
    [...windows].map(([name, { usedPercent, resetsAt, seenAt }]) => [
      name,
      {
        used_percent: usedPercent,
        resets_at: resetsAt === null ? null : timeOf(resetsAt),
        seen_at: timeOf(seenAt),
      },
    ]),
  )
}

export function viewSignIn({ expiresAt, isRefreshing, trouble, unsaved }: SignInStatus): SignInView {
  return {
    expires_at: expiresAt === null ? null : timeOf(expiresAt),
    refreshing: isRefreshing,
    trouble,
    unsaved: unsaved !== null,
  }
}

function judge(state: AccountState, sources: AccountSources): Pick<AccountView, 'state' | 'reason' | 'until' | 'mend'> {
  const { account, problem } = state
  const { clock, redact } = sources
  const command = (action: string): string => `sub2api-simple accounts ${action} ${shellWord(account.name)}`
  if (!account.enabled) return told('disabled', 'the config has it switched off', 'set "enabled": true in the config')
  if (state.isPaused) return told('paused', 'it was paused by hand', command('resume'))
  if (problem !== null) return told('needs_attention', problem, mendOf(state))
  const { blockedBy } = viewHealth(state.health, null, clock.monotonic())
  const [worst = null] = restsOf(state, sources).toSorted((a, b) => b.until - a.until)
  const rest = blockedBy ?? worst
  if (rest !== null) {
    const until = timeOf(clock.now() + rest.until - clock.monotonic())
    const where = rest.model === null ? '' : ` for ${rest.model}`
    const reason = `${rest.reason}${where}: ${redact(rest.message).slice(0, LONGEST_MESSAGE)}`
    const isBanned = rest.reason === 'banned'
    return { state: isBanned ? 'needs_attention' : 'cooling', reason, until, mend: mendOfRest(rest, command('clear')) }
  }
  const full = fullWindowOf(state, false, clock.now())
  if (full === null) return { state: 'ok', reason: null, until: null, mend: null }
  const reason = `its ${full.name} window is used to ${Math.round(full.usedPercent)} %, above what the config lets it take`
  return { state: 'cooling', reason, until: timeOf(full.until), mend: null }
}

function told(state: AccountView['state'], reason: string, mend: string): ReturnType<typeof judge> {
  return { state, reason, until: null, mend }
}

function mendOf({ account, problem }: AccountState): string {
  const isSignIn = account.platform === 'openai' && account.type === 'oauth' && problem?.includes('sign in') === true
  return isSignIn ? signInCommand(account.name) : 'change the config; it is read again by itself'
}

/** What passes by itself needs no hand. */
function mendOfRest({ reason, message }: Cooldown, clear: string): string | null {
  switch (reason) {
    case 'unauthorized':
      return 'put a valid key into the config; it is read again by itself'
    case 'billing':
      return `add credit at the vendor, then: ${clear}`
    case 'forbidden':
    case 'banned':
      return `see what the vendor says (${message.slice(0, 80)}), then: ${clear}`
    case 'proxy':
      return 'see whether the proxy is there'
    case 'success':
    case 'client_mistake':
    case 'client_gone':
    case 'model_unavailable':
    case 'quota':
    case 'burst':
    case 'overloaded':
    case 'transient':
      return null
  }
}

/** `now` is epoch ms. */
export function timeOf(now: number): string {
  return new Date(now).toISOString()
}
