/**
 * What the running relay tells of itself as JSON: one shape for the admin routes, the status page and the verbs of the
 * command line. Names are snake_case as in the config; times are ISO 8601, durations say their unit.
 */

/** `GET /admin/status`. */
export interface StatusView {
  readonly version: string
  readonly started_at: string
  readonly uptime_seconds: number
  readonly config: ConfigView
  readonly accounts: readonly AccountView[]
  readonly tokens: readonly TokenView[]
  readonly sessions: number
  /** Requests in the queue. */
  readonly waiting: number
  /** Requests under way, the oldest first, at most 100. */
  readonly live: readonly LiveRequestView[]
  /** The newest first, at most 20; `GET /admin/errors` has more. */
  readonly errors: readonly ErrorView[]
  /** The relay's day, in its own time zone: YYYY-MM-DD, as the keys of `days`. */
  readonly today: string
  /** Totals per day (local time), the oldest first, at most 31. */
  readonly days: readonly TotalsView[]
}

export interface ConfigView {
  readonly path: string
  readonly loaded_at: string
  /** 1 after the start, one more with each reload that was applied. */
  readonly generation: number
  /** Why the newest file is not in force; null when it is. */
  readonly rejected: string | null
}

export type AccountState = 'ok' | 'cooling' | 'paused' | 'disabled' | 'needs_attention'

export interface AccountView {
  readonly name: string
  readonly platform: string
  readonly type: 'api_key' | 'oauth'
  readonly protocols: readonly string[]
  readonly tags: readonly string[]
  readonly priority: number
  /** 0 means no limit. */
  readonly concurrency: number
  readonly in_flight: number
  readonly state: AccountState
  /** Why it is not `ok`, in words for its owner; null when it is. */
  readonly reason: string | null
  /** When that ends by itself; null when it does not, or nobody knows. */
  readonly until: string | null
  /** The command that mends it; null when nothing need be done. */
  readonly mend: string | null
  readonly cooldowns: readonly CooldownView[]
  readonly windows: Readonly<Record<string, WindowView>>
  readonly sign_in: SignInView | null
  readonly sessions: number
  /** Since the start. */
  readonly requests: number
  readonly failures: number
  /** Share of input tokens that came from the vendor's cache, 0 to 100; null before the first answer. */
  readonly cache_hit_percent: number | null
  readonly last_error: { readonly at: string; readonly message: string } | null
}

export interface CooldownView {
  readonly reason: string
  /** Null when it holds for all models. */
  readonly model: string | null
  readonly message: string
  readonly until: string
  readonly failures_in_a_row: number
}

export interface WindowView {
  readonly used_percent: number
  readonly resets_at: string | null
  readonly seen_at: string
}

export interface SignInView {
  readonly expires_at: string | null
  readonly refreshing: boolean
  readonly trouble: string | null
  /** A renewed token that could not be written yet. */
  readonly unsaved: boolean
}

export interface TokenView {
  readonly name: string
  /** What the config sets; a limit that is not set is null. */
  readonly limits: {
    readonly models: readonly string[]
    readonly accounts: readonly string[]
    readonly max_concurrency: number | null
    readonly rpm: number | null
    readonly tpm: number | null
    readonly budget_day: number | null
    readonly budget_month: number | null
    readonly expires_at: string | null
  }
  readonly in_flight: number
  readonly requests_last_minute: number
  readonly tokens_last_minute: number
  readonly cost_day: number
  readonly cost_month: number
  readonly day_resets_at: string
  readonly month_resets_at: string
}

export interface LiveRequestView {
  readonly request: string
  readonly client: string
  readonly account: string | null
  readonly model: string | null
  readonly protocol: string
  readonly age_ms: number
}

/** A request that was not served. */
export interface ErrorView {
  readonly at: string
  readonly request: string
  readonly client: string
  readonly account: string | null
  readonly model: string | null
  readonly status: number
  readonly message: string
}

/** Sums over requests; `key` is the day, account, token or model they belong to. */
export interface TotalsView {
  readonly key: string
  readonly requests: number
  readonly failures: number
  readonly input: number
  readonly cached: number
  readonly cache_write: number
  readonly output: number
  readonly reasoning: number
  /** USD of the requests whose price is known. */
  readonly cost: number
  /** Requests whose price is not known. */
  readonly unpriced: number
}

/** `GET /admin/explain?model=&protocol=`: who would serve it now, in order, and why the others would not. */
export interface ExplainView {
  readonly model: string
  readonly protocol: string
  /** The names it is tried under, in order. */
  readonly chain: readonly string[]
  readonly ready: ReadonlyArray<{
    readonly account: string
    readonly upstream_model: string
    readonly lane: 'byte' | 'hub'
    readonly priority: number
    readonly in_flight: number
  }>
  readonly excluded: ReadonlyArray<{
    readonly account: string
    readonly reason: string
    readonly message: string
    readonly until: string | null
  }>
}

/** `GET /admin/accounts`. */
export interface AccountsView {
  readonly accounts: readonly AccountView[]
}

/** `GET /admin/sessions`: conversations that are at home with an account, those used last first, at most 500. */
export interface SessionsView {
  /** All there are. */
  readonly total: number
  readonly sessions: readonly SessionView[]
}

export interface SessionView {
  /** The beginning of its key, which is a digest: enough to tell sessions apart. */
  readonly session: string
  readonly account: string
  /** Since its last use. */
  readonly idle_ms: number
  /** How long the vendor's cache stays warm from here; null when it has cooled, or nothing was served yet. */
  readonly warm_ms: number | null
}

/** `GET /admin/errors`, the newest first. */
export interface ErrorsView {
  readonly errors: readonly ErrorView[]
}

/** `GET /admin/usage?by=account|token|model|day&since=7d`. */
export interface UsageView {
  readonly by: 'account' | 'token' | 'model' | 'day'
  readonly since: string
  readonly totals: readonly TotalsView[]
}

/** `POST /admin/reload`: what the file changed; status 200 also when it was rejected, which `config.rejected` tells. */
export interface ReloadView {
  readonly config: ConfigView
  /** False when the file says what is in force already, or was rejected. */
  readonly changed: boolean
  readonly accounts: {
    readonly added: readonly string[]
    readonly removed: readonly string[]
    readonly changed: readonly string[]
  }
  /** Keys at the top level of the file whose values are new and in force. */
  readonly settings: readonly string[]
  /** Keys that are new in the file, but take effect with the next start alone. */
  readonly needs_restart: readonly string[]
  /** What its owner should know about the file, as `check` prints it. */
  readonly warnings: readonly string[]
}

/**
 * `POST /admin/accounts/{name}/pause|resume|clear|refresh|test`; the name percent-encoded. An unknown account is 404, an
 * action that means nothing for the account is 409.
 */
export interface ActionView {
  readonly account: string
  readonly action: 'pause' | 'resume' | 'clear' | 'refresh' | 'test'
  /** False when it was tried in vain: a refresh or a test that failed. */
  readonly ok: boolean
  /** One line for its owner. */
  readonly message: string
}

/** Every refusal of `/admin/*`. */
export interface AdminErrorView {
  readonly error: { readonly message: string; readonly type: string }
}
