/**
 * What a config's accounts serve: the vendors, and every model that has a name.
 */
import type { RelayConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { Platform } from '../core/platforms.ts'
import { listModels } from '../http/models.ts'

export interface Served {
  readonly platforms: readonly Platform[]
  readonly models: readonly string[]
}

/** Throws ConfigError. */
export async function loadServed(configPath: string): Promise<Served> {
  return servedBy((await loadConfig(configPath)).config)
}

export function servedBy(config: RelayConfig): Served {
  const names = config.tokens.flatMap((token) => listModels(config, token).map(({ id }) => id))
  const usable = config.accounts.filter(({ enabled, problem }) => enabled && problem === null)
  return {
    platforms: [...new Set(usable.map(({ platform }) => platform))],
    models: [...new Set(names)],
  }
}
