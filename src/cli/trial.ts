/**
 * One tiny request through each account of a config, without a running relay, and what its owner can do where it failed.
 */
import type { RelayConfig } from '../config/config.ts'
import type { Account } from '../core/account.ts'
import { createSystemClock } from '../core/clock.ts'
import { signInCommand } from '../core/sign-in-advice.ts'
import type { Reason } from '../core/verdict.ts'
import { createLog } from '../io/log.ts'
import { assertRealUndici } from '../io/upstream.ts'
import type { ProbeResult } from '../relay/probe.ts'
import { assembleRelay } from './assemble.ts'
import { secretsOf } from './config-secrets.ts'

export interface Trial extends Pick<ProbeResult, 'ok' | 'message' | 'model' | 'ms'> {
  /** The class of the failure; null when it served. */
  readonly reason: Reason | null
  /** What its owner can do; null when nothing need be done, or waiting is all. */
  readonly mend: string | null
}

/**
 * All at once, those that are not enabled left out. Sign-ins are refreshed where they must be, and kept. `configPath`: as its
 * owner named it.
 */
export async function tryAccounts(config: RelayConfig, configPath: string): Promise<ReadonlyMap<Account, Trial>> {
  assertRealUndici()
  const clock = createSystemClock()
  const log = createLog({ ...config.log, clock, secrets: secretsOf(config), hasColours: false, write: () => {} })
  const { keeper, probe, client } = assembleRelay({ ...config, usageLog: null }, clock, log)
  await keeper.start()
  try {
    const enabled = config.accounts.filter((account) => account.enabled)
    const tryOne = async (account: Account) => [account, judge(await probe(account), account, configPath, log)] as const
    return new Map(await Promise.all(enabled.map(tryOne)))
  } finally {
    await keeper.stop()
    await client.close()
  }
}

function judge(
  { ok, reason, message, model, ms }: ProbeResult,
  account: Account,
  path: string,
  { redact }: { readonly redact: (text: string) => string },
): Trial {
  const told = { ok, message: redact(message), model, ms }
  return ok
    ? { ...told, reason: null, mend: null }
    : {
        ...told,
        reason,
        mend: account.problem === null ? mendOf(reason, message, account, path) : mendConfig(account, path),
      }
}

function mendConfig({ name, type }: Account, path: string): string {
  return type === 'oauth' ? signInCommand(name) : `put it right in ${path}`
}

function mendOf(reason: Reason, message: string, { name, type }: Account, path: string): string | null {
  switch (reason) {
    case 'unauthorized':
      return type === 'oauth' ? signInCommand(name) : `put another key for it into ${path}`
    case 'billing':
      return 'see to its credit at the vendor'
    case 'forbidden':
    case 'banned':
      return 'see to the account at the vendor'
    case 'model_unavailable':
      return `name the models it has in its models list in ${path}`
    case 'proxy':
      return `see to its proxy in ${path}`
    case 'transient':
      // A failure on the way ends in the system's code for it; what the vendor says of itself passes.
      return /\([A-Z][A-Z_]+\)$/.test(message) ? `see to its base_url and proxy in ${path}` : null
    case 'quota':
    case 'burst':
    case 'overloaded':
    case 'success':
    case 'client_mistake':
    case 'client_gone':
      return null
  }
}
