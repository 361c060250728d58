/**
 * Builds a relay out of its parts. Nothing is shared between two relays in one process, which is what lets tests run
 * side by side.
 */
import type { RelayConfig } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { createApp, type RequestListener } from '../http/app.ts'
import { createRelayRoute } from '../http/relay-route.ts'
import type { DebugLog } from '../io/debug-log.ts'
import type { Log } from '../io/log.ts'
import { createUpstreamClient, type UpstreamClient } from '../io/upstream.ts'
import { createPool, type Pool } from '../pool/pool.ts'
import { providerOf } from '../providers/index.ts'
import { createHeartbeat, type Heartbeat } from '../relay/heartbeat.ts'
import { createRelay } from '../relay/relay.ts'

export interface AssembledRelay {
  readonly listener: RequestListener
  readonly pool: Pool
  readonly client: UpstreamClient
  readonly heartbeat: Heartbeat
}

/** What a relay may have besides; everything has a default. */
export interface AssembleOptions {
  readonly debug?: DebugLog | null
}

export function assembleRelay(
  config: RelayConfig,
  clock: Clock,
  log: Log,
  { debug = null }: AssembleOptions = {},
): AssembledRelay {
  const pool = createPool({
    accounts: config.accounts,
    protocolsOf: (account) => providerOf(account).protocolsOf(account),
    strategy: config.strategy,
    stickySessionTtlMs: config.stickySessionTtlMs,
    queue: config.queue,
    longestCooldownMs: config.cooldown.maxMs,
    clock,
  })
  const client = createUpstreamClient({ connectTimeoutMs: config.connectTimeoutMs })
  const heartbeat = createHeartbeat(clock)
  const relay = createRelay({ config, pool, client, clock, heartbeat, debug, warn: log.warn })
  const serveRequest = createRelayRoute({ config, clock, heartbeat, relay, log })
  return { listener: createApp({ config, pool, clock, serveRequest }), pool, client, heartbeat }
}
