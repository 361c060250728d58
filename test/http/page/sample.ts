/**
 * A relay in the middle of an ordinary day, as `GET /admin/status` tells it: accounts in every state, budgets nearly
 * used up, a month of usage.
 */
import type { AccountView, StatusView, TokenView, TotalsView } from '../../../src/http/views.ts'
import { accountView } from '../../cli/views.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** In: the relay's time, epoch ms. */
export function sampleStatus(now: number): StatusView {
  const at = (ms: number): string => new Date(now + ms).toISOString()
  return {
    version: '0.1.0',
    started_at: at(-(3 * DAY_MS + 4 * HOUR_MS)),
    uptime_seconds: (3 * DAY_MS + 4 * HOUR_MS) / 1000,
    config: { path: '/home/ada/config.json', loaded_at: at(-2 * HOUR_MS), generation: 3, rejected: null },
    accounts: [
      account('claude-team', {
        tags: ['team'],
        priority: 10,
        in_flight: 2,
        windows: { '5h': window(62, at(72 * MINUTE_MS)), '7d': window(31, at(4 * DAY_MS + 2 * HOUR_MS)) },
        sessions: 9,
        requests: 4_812,
        failures: 6,
        cache_hit_percent: 91.4,
      }),
      account('chatgpt-ada', {
        platform: 'openai',
        type: 'oauth',
        priority: 20,
        state: 'cooling',
        reason: 'The 5-hour limit of this plan is used up.',
        until: at(42 * MINUTE_MS + 11_000),
        cooldowns: [
          {
            reason: 'quota',
            model: null,
            message: 'usage_limit_reached',
            until: at(42 * MINUTE_MS + 11_000),
            failures_in_a_row: 1,
          },
        ],
        windows: { '5h': window(100, at(42 * MINUTE_MS + 11_000)), '7d': window(84, at(2 * DAY_MS + 5 * HOUR_MS)) },
        sign_in: { expires_at: at(6 * DAY_MS), refreshing: false, trouble: null, unsaved: false },
        sessions: 3,
        requests: 1_907,
        failures: 21,
        cache_hit_percent: 78,
      }),
      account('gemini-key', {
        platform: 'gemini',
        in_flight: 1,
        requests: 655,
        failures: 2,
        cache_hit_percent: 12.2,
        last_error: { at: at(-11 * MINUTE_MS), message: '503 The model is overloaded. Please try again later.' },
      }),
      account('chatgpt-bob', {
        platform: 'openai',
        type: 'oauth',
        priority: 60,
        state: 'needs_attention',
        reason: 'It is not signed in: the vendor has withdrawn its refresh token.',
        mend: 'sub2api-simple login chatgpt-bob',
        sign_in: { expires_at: null, refreshing: false, trouble: 'refresh_token_reused', unsaved: false },
        requests: 88,
        failures: 1,
        cache_hit_percent: 64,
      }),
    ],
    tokens: [
      token('ada', at, { budget_day: 20, budget_month: 300, max_concurrency: 8 }, [11.84, 148.2]),
      token('bob', at, { budget_day: 5, rpm: 30, expires_at: at(9 * DAY_MS) }, [4.61, 37.02]),
      token('ci', at, { rpm: 60, tpm: 200_000 }, [0.92, 12.4]),
    ],
    sessions: 12,
    waiting: 0,
    live: [
      live('req_1', 'ada', 'claude-team', 'claude-opus-4-8', 73_000),
      live('req_2', 'ada', 'claude-team', 'claude-sonnet-5-5', 21_000),
      live('req_3', 'ci', 'gemini-key', 'gemini-3-pro', 4_000),
    ],
    errors: [
      {
        at: at(-4 * MINUTE_MS),
        request: 'req_e1',
        client: 'bob',
        account: 'chatgpt-ada',
        model: 'gpt-5.5',
        status: 429,
        message: 'All accounts for this model rest; the first is back in 42 minutes.',
      },
      {
        at: at(-3 * HOUR_MS),
        request: 'req_e2',
        client: 'ci',
        account: 'gemini-key',
        model: 'gemini-3-pro',
        status: 503,
        message: 'The model is overloaded. Please try again later.',
      },
      {
        at: at(-5 * HOUR_MS),
        request: 'req_e3',
        client: 'ada',
        account: null,
        model: 'claude-opus-9',
        status: 404,
        message: 'No account serves the model "claude-opus-9".',
      },
    ],
    today: at(0).slice(0, 10),
    days: Array.from({ length: 31 }, (_, index) => day(index, new Date(now - (30 - index) * DAY_MS))),
  }
}

const account = (name: string, facts: Partial<AccountView>): AccountView => accountView({ name, ...facts })

const window = (used: number, resetsAt: string): AccountView['windows'][string] => ({
  used_percent: used,
  resets_at: resetsAt,
  seen_at: resetsAt,
})

function token(
  name: string,
  at: (ms: number) => string,
  limits: Partial<TokenView['limits']>,
  [costDay, costMonth]: readonly [number, number],
): TokenView {
  return {
    name,
    limits: {
      models: [],
      accounts: [],
      max_concurrency: null,
      rpm: null,
      tpm: null,
      budget_day: null,
      budget_month: null,
      expires_at: null,
      ...limits,
    },
    in_flight: 1,
    requests_last_minute: 7,
    tokens_last_minute: 48_200,
    cost_day: costDay,
    cost_month: costMonth,
    day_resets_at: at(5 * HOUR_MS),
    month_resets_at: at(9 * DAY_MS),
  }
}

const live = (request: string, client: string, account: string, model: string, ageMs: number) => ({
  request,
  client,
  account,
  model,
  protocol: 'anthropic',
  age_ms: ageMs,
})

/** Busy in the week, quiet at its end. */
function day(index: number, date: Date): TotalsView {
  const isWeekend = index % 7 < 2
  const wave = 0.7 + 0.3 * Math.sin(index * 1.7)
  const requests = Math.round((isWeekend ? 60 : index === 30 ? 260 : 420) * wave)
  return {
    key: date.toISOString().slice(0, 10),
    requests,
    failures: Math.round(requests / 90),
    input: requests * 2_100,
    cached: requests * 31_000,
    cache_write: requests * 900,
    output: requests * 780,
    reasoning: requests * 210,
    cost: requests * 0.041,
    unpriced: isWeekend ? 2 : 0,
  }
}
