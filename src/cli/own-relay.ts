/**
 * A relay inside this process, for one client: on a port of its own, silent unless it is given a file for its log.
 */
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { urlOf } from '../config/access.ts'
import type { RelayConfig } from '../config/config.ts'
import { createSystemClock } from '../core/clock.ts'
import { createLog } from '../io/log.ts'
import { listen } from '../io/serve.ts'
import { assertRealUndici } from '../io/upstream.ts'
import { assembleRelay } from './assemble.ts'
import { secretsOf } from './config-secrets.ts'
import { restoreUsage } from './restore-usage.ts'

export interface OwnRelay {
  readonly url: string
  /** Cuts off what is under way; ends a refresh that was begun, whose answer may be the only working token. */
  stop(): Promise<void>
}

/** Rejects when the log cannot be written. */
export async function startOwnRelay(config: RelayConfig, logPath: string | null): Promise<OwnRelay> {
  assertRealUndici()
  const clock = createSystemClock()
  const file = logPath === null ? null : await openLogFile(logPath)
  const log = createLog({
    ...config.log,
    clock,
    secrets: secretsOf(config),
    hasColours: false,
    write: (line) => void file?.write(line),
  })
  const relay = assembleRelay(config, clock, log)
  await relay.keeper.start()
  await restoreUsage(config, relay, clock, log)
  const server = await listen({ host: '127.0.0.1', port: 0, clock, listener: relay.listener })
  return {
    url: urlOf({ host: '127.0.0.1', port: server.port }),
    async stop() {
      server.close()
      await Promise.all([relay.desk.stop(), relay.keeper.stop()])
      await relay.client.close()
      await relay.journal?.close()
      file?.end()
    },
  }
}

async function openLogFile(path: string): Promise<NodeJS.WritableStream> {
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 })
  await once(file, 'open').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the log ${path} cannot be written: ${error.message}`, { cause: error })
  })
  return file
}
