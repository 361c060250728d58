/**
 * `GET /metrics`: what the relay has done since its start and is doing now, for Prometheus. For holders of a token and
 * users of this machine.
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Clock } from '../core/clock.ts'
import { version } from '../core/version.ts'
import { viewHealth } from '../pool/cooldown.ts'
import type { Pool } from '../pool/pool.ts'
import { FIRST_CONTENT_BOUNDS, type Metrics, TOTAL_BOUNDS } from '../usage/metrics.ts'
import type { UsageRecorder } from '../usage/recorder.ts'
import { type App, type Door, newRequestId } from './door.ts'
import { isLocalUser } from './guard.ts'
import { createMetricsText, METRICS_TYPE, type MetricsText, type Sample, samplesOf } from './metrics-text.ts'

/** Figures of the process itself. */
export interface ProcessFigures {
  readonly residentBytes: number
  readonly cpuSeconds: number
  /** Epoch seconds. */
  readonly startedAtSeconds: number
  /** How late the event loop was since the last scrape, in seconds; null before there is anything to tell. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number } | null
}

export interface MetricsDependencies {
  readonly pool: Pool
  readonly clock: Clock
  readonly recorder: UsageRecorder
  readonly metrics: Metrics
  readonly readProcess: () => ProcessFigures
}

export function addMetricsRoute(app: App, door: Door, dependencies: MetricsDependencies): void {
  app.get('/metrics', ({ env: { incoming, outgoing } }) => {
    if (!isLocalUser(incoming) && door.identify(incoming, outgoing) === null) return RESPONSE_ALREADY_SENT
    const text = createMetricsText()
    writeBooks(text, dependencies.metrics)
    writePresent(text, dependencies)
    writeProcess(text, dependencies.readProcess())
    const body = Buffer.from(text.text)
    outgoing.writeHead(200, {
      'content-type': METRICS_TYPE,
      'content-length': body.length,
      'x-request-id': newRequestId(),
      'cache-control': 'no-store',
    })
    outgoing.end(incoming.method === 'HEAD' ? undefined : body)
    return RESPONSE_ALREADY_SENT
  })
  app.all('/metrics', (context) => door.refuseMethod(context, 'GET, HEAD'))
}

const USE_LABELS = ['client', 'account', 'model']
const KINDS = [
  ['input', 'input'],
  ['cached', 'cached'],
  ['cache_write', 'cacheWrite'],
  ['output', 'output'],
  ['reasoning', 'reasoning'],
] as const

function writeBooks(text: MetricsText, metrics: Metrics): void {
  text.counter(
    'sub2api_requests_total',
    'Requests that are over.',
    samplesOf(metrics.requests, ['client', 'protocol', 'outcome'], ({ value }) => value),
  )
  text.counter(
    'sub2api_attempts_total',
    'Calls to accounts that are over.',
    samplesOf(metrics.attempts, ['account', 'outcome'], ({ value }) => value),
  )
  text.counter(
    'sub2api_tokens_total',
    'Tokens used. Input is without what came from or went to the cache, output with reasoning.',
    KINDS.flatMap(([kind, member]) =>
      samplesOf(metrics.use, USE_LABELS, (totals) => totals[member]).map(([labels, value]): Sample => [
        { ...labels, kind },
        value,
      ]),
    ),
  )
  text.counter(
    'sub2api_cost_usd_total',
    'Cost by list price, of models whose price is known.',
    samplesOf(metrics.use, USE_LABELS, ({ cost }) => cost),
  )
  text.counter(
    'sub2api_unpriced_requests_total',
    'Requests of models without a known price.',
    samplesOf(metrics.use, USE_LABELS, ({ unpriced }) => unpriced),
  )
  text.histogram(
    'sub2api_first_content_seconds',
    'From arrival to the first content.',
    'protocol',
    FIRST_CONTENT_BOUNDS,
    metrics.firstContent,
  )
  text.histogram(
    'sub2api_request_duration_seconds',
    'From arrival to the end, of requests that were served.',
    'protocol',
    TOTAL_BOUNDS,
    metrics.total,
  )
}

function writePresent(text: MetricsText, { pool, clock, recorder }: MetricsDependencies): void {
  const now = clock.monotonic()
  const byAccount = (valueOf: (state: Pool['states'][number]) => number): Sample[] =>
    pool.states.map((state) => [{ account: state.account.name }, valueOf(state)])
  text.gauge('sub2api_requests_in_flight', 'Requests under way.', [[{}, recorder.liveCount]])
  text.gauge('sub2api_queue_length', 'Requests that wait for an account.', [[{}, pool.waiting]])
  text.gauge('sub2api_sessions', 'Conversations that are bound to an account.', [[{}, pool.sessions]])
  text.gauge(
    'sub2api_account_in_flight',
    'Requests an account is serving.',
    byAccount(({ inFlight }) => inFlight),
  )
  text.gauge(
    'sub2api_account_cooling',
    '1 while an account rests for all models.',
    byAccount(({ health }) => (viewHealth(health, null, now).blockedBy === null ? 0 : 1)),
  )
  text.gauge(
    'sub2api_account_needs_attention',
    '1 while an account cannot serve before its owner has done something.',
    byAccount(({ problem }) => (problem === null ? 0 : 1)),
  )
  text.gauge(
    'sub2api_cooldowns',
    'Rests of an account, for all models or for one, by reason.',
    pool.states.flatMap(({ account, health }) => countReasons(account.name, health.values(), now)),
  )
  text.gauge(
    'sub2api_account_window_used_ratio',
    'How much of a quota window is used, as the vendor last told.',
    pool.states.flatMap(({ account, windows }) =>
      [...windows].map(([window, { usedPercent }]): Sample => [{ account: account.name, window }, usedPercent / 100]),
    ),
  )
}

function countReasons(
  account: string,
  cooldowns: Iterable<{ readonly reason: string; readonly until: number }>,
  now: number,
): Sample[] {
  const counts = new Map<string, number>()
  for (const { reason, until } of cooldowns) if (until > now) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => [{ account, reason }, count])
}

function writeProcess(
  text: MetricsText,
  { residentBytes, cpuSeconds, startedAtSeconds, loopDelay }: ProcessFigures,
): void {
  text.gauge('sub2api_build_info', 'The version that runs.', [[{ version }, 1]])
  if (loopDelay !== null) {
    text.gauge('sub2api_event_loop_delay_seconds', 'How late the event loop was since the last scrape.', [
      [{ quantile: '0.5' }, loopDelay.p50],
      [{ quantile: '0.99' }, loopDelay.p99],
      [{ quantile: '1' }, loopDelay.max],
    ])
  }
  text.gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', [[{}, residentBytes]])
  text.counter('process_cpu_seconds_total', 'User and system CPU time spent in seconds.', [[{}, cpuSeconds]])
  text.gauge('process_start_time_seconds', 'Start time of the process since the epoch in seconds.', [
    [{}, startedAtSeconds],
  ])
}
