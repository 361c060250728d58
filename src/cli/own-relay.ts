/**
 * A relay inside this process, on a port of its own and for this machine alone, which says nothing on the terminal.
 */
import { chooseToken } from '../config/access.ts'
import type { ListenAddress } from '../config/addresses.ts'
import type { RelayConfig } from '../config/config.ts'
import { createSystemClock } from '../core/clock.ts'
import { createLog } from '../io/log.ts'
import { listen } from '../io/serve.ts'
import { assertRealUndici } from '../io/upstream.ts'
import { assembleRelay, type AssembledRelay } from './assemble.ts'
import { secretsOf } from './config-secrets.ts'
import { tendHeap } from './heap.ts'
import { restoreUsage } from './restore-usage.ts'

export interface OwnRelay {
  readonly listen: ListenAddress
  /** What to present to it. */
  readonly token: string
  readonly parts: AssembledRelay
  /** Cuts off what is under way; ends a refresh that was begun, whose answer may be the only working token. */
  stop(): Promise<void>
}

/** `write` gets the lines of its log. */
export async function startOwnRelay(config: RelayConfig, write: (line: string) => void): Promise<OwnRelay> {
  assertRealUndici()
  tendHeap()
  const clock = createSystemClock()
  const log = createLog({ ...config.log, clock, secrets: secretsOf(config), hasColours: false, write })
  const parts = assembleRelay(config, clock, log)
  await parts.keeper.start()
  await restoreUsage(config, parts, clock, log)
  const server = await listen({ host: '127.0.0.1', port: 0, clock, listener: parts.listener })
  return {
    listen: { host: '127.0.0.1', port: server.port },
    token: chooseToken(config.tokens).token.reveal(),
    parts,
    async stop() {
      server.close()
      await Promise.all([parts.desk.stop(), parts.keeper.stop()])
      await parts.client.close()
      await parts.journal?.close()
    },
  }
}
