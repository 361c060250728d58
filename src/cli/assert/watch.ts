/**
 * `SUB2API_ASSERT=1`: the relay watches itself. The parts that matter are wrapped while the relay is put together, so that
 * without it nothing is asked and nothing is slower. A broken rule is an error line and a failure at the end.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { RelayConfig } from '../../config/config.ts'
import type { Clock } from '../../core/clock.ts'
import { PLATFORMS } from '../../core/platforms.ts'
import type { Log } from '../../io/log.ts'
import type { Heartbeat } from '../../relay/heartbeat.ts'
import type { ResponseMemory } from '../../relay/response-memory.ts'
import { createRules } from './rules.ts'
import { type AnswerBounds, watchAnswers } from './watched-answers.ts'
import { type WatchedClock, watchClock } from './watched-clock.ts'
import { type PoolBounds, type WatchedPool, watchPool } from './watched-pool.ts'
import { watchSignIns } from './watched-sign-ins.ts'
import type { Wrappers } from './wrappers.ts'

export interface Watch {
  readonly clock: Clock
  readonly wrappers: Wrappers
  /** Looks at what can only be seen now and then, and tells in the log every few seconds how things stand. */
  begin(parts: { readonly heartbeat: Heartbeat; readonly responses: ResponseMemory }): void
  /** Another config is in force. */
  update(config: RelayConfig): void
  /** The relay has stopped. Throws when a rule was broken, now or before. */
  end(): void
}

const SWEEP_MS = 250
/** An answer and all that belongs to it may end within one sweep of each other. */
const SWEEPS_UNTIL_IDLE = 4
const TELL_MS = 1_000
const MOST_SESSIONS = 10_000
const MOST_RESPONSES = 2_000
const MOST_RESPONSE_BYTES = 64 * 1024 * 1024
const MIB = 1024 * 1024
/** Names are tried twice, once without and once with patience, and an account may be asked again for several reasons. */
const CALLS_PER_NAME = 12

/** How often the event loop is looked at. */
const LOOK_EVERY_MS = 5

export function createWatch(config: RelayConfig, systemClock: Clock, log: Log): Watch {
  const rules = createRules(log)
  const clock: WatchedClock = watchClock(systemClock)
  const signIns = watchSignIns(rules)
  let bounds = boundsOf(config)
  const answers = watchAnswers(rules, () => bounds, systemClock)
  const delay = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS })
  // Node counts the time from one look to the next, the one that was asked for included.
  const lateMs = (nanoseconds: number): number => round(Math.max(0, nanoseconds / 1e6 - LOOK_EVERY_MS))
  let watchedPool: WatchedPool | null = null
  let quietSweeps = 0

  const wrappers: Wrappers = {
    ...signIns,
    client: answers.client,
    listener: answers.listener,
    pool(pool) {
      watchedPool = watchPool(pool, rules, () => bounds, systemClock)
      return watchedPool.pool
    },
  }

  function begin({ heartbeat, responses }: Parameters<Watch['begin']>[0]): void {
    delay.enable()
    systemClock.every(SWEEP_MS, () => {
      watchedPool?.sweep()
      const { size, bytes } = responses
      rules.hold(19, size <= MOST_RESPONSES && bytes <= MOST_RESPONSE_BYTES, () => ({ what: 'responses', size, bytes }))
      quietSweeps = answers.open === 0 ? quietSweeps + 1 : 0
      if (quietSweeps === SWEEPS_UNTIL_IDLE && bounds.isCancelling) checkIdle(heartbeat)
    })
    systemClock.every(TELL_MS, () => log.info('assert.state', state(heartbeat)))
  }

  /** Nobody is being served: nothing may be left of those who were. */
  function checkIdle(heartbeat: Heartbeat): void {
    const left = {
      slots: watchedPool?.slots ?? 0,
      waiting: watchedPool?.pool.waiting ?? 0,
      calls: answers.calls,
      watched: heartbeat.watched,
    }
    rules.hold(
      1,
      Object.values(left).every((count) => count === 0),
      () => ({ what: 'left behind when idle', ...left }),
    )
  }

  function state(heartbeat: Heartbeat): Record<string, number> {
    const { rss, heapUsed } = process.memoryUsage()
    const figures = {
      open: answers.open,
      calls: answers.calls,
      slots: watchedPool?.slots ?? 0,
      waiting: watchedPool?.pool.waiting ?? 0,
      watched: heartbeat.watched,
      timers: clock.timers,
      sockets: process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length,
      rss_mib: round(rss / MIB),
      heap_mib: round(heapUsed / MIB),
      loop_p99_ms: lateMs(delay.percentile(99)),
      loop_max_ms: lateMs(delay.max),
      checks: rules.checks,
      violations: rules.violations,
    }
    delay.reset()
    return figures
  }

  return {
    clock,
    wrappers,
    begin,
    update(next) {
      bounds = boundsOf(next)
    },
    end() {
      watchedPool?.sweep()
      const slots = watchedPool?.slots ?? 0
      rules.hold(1, slots === 0, () => ({ what: 'leases at the end', slots }))
      const { checks, violations } = rules
      log.info('assert.end', { checks, violations })
      if (violations === 0) return
      throw new Error(`the relay broke its own rules ${violations} times; "assert.violated" in its log says which`)
    },
  }
}

function boundsOf({
  accounts,
  tokens,
  modelMap,
  queue,
  cooldown,
  onClientDisconnect,
}: RelayConfig): PoolBounds & AnswerBounds {
  const chains = [modelMap, ...tokens.map((token) => token.modelMap)].flatMap((map) => [...map.values()])
  const longestChain = Math.max(1, ...chains.map(({ length }) => length))
  const origins = accounts.map(({ baseUrl, platform }) => new URL(baseUrl ?? PLATFORMS[platform].url).origin)
  const keys = accounts.flatMap(({ credential }) => (credential.type === 'api_key' ? [credential.key.reveal()] : []))
  return {
    sessions: MOST_SESSIONS,
    waiting: queue.size * Math.max(1, tokens.length),
    cooldownMs: cooldown.maxMs,
    calls: CALLS_PER_NAME * longestChain,
    // The host of ChatGPT accounts, which need not name it.
    origins: new Set([...origins, 'https://chatgpt.com']),
    clientSecrets: tokens.map(({ token }) => token.reveal()),
    upstreamSecrets: keys.filter((key) => key !== ''),
    isCancelling: onClientDisconnect === 'cancel',
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
