/**
 * `check`: reads the config as `serve` would and tells what is wrong, what is doubtful, and which accounts are ready; with
 * `--online` it asks each account's vendor.
 */
import type { Account } from '../core/account.ts'
import type { RelayConfig } from '../config/config.ts'
import { recoverConfig } from '../config/store.ts'
import { createSystemClock } from '../core/clock.ts'
import { count } from '../core/count.ts'
import { loadConfig, type LoadedConfig } from '../config/load.ts'
import { ConfigError, formatProblem } from '../config/problem.ts'
import { providerOf } from '../providers/index.ts'
import { alignColumns } from './columns.ts'
import type { Output } from './output.ts'
import type { Trial } from './trial.ts'

export interface CheckOptions {
  readonly configPath: string
  /** Warnings and accounts that cannot serve count as failures. */
  readonly strict: boolean
  /** One tiny request per account. */
  readonly online: boolean
  readonly json: boolean
}

/** What became of the requests, by account; empty when none were made. */
type Trials = ReadonlyMap<Account, Trial>

/**
 * The exit code: 1 for an unusable config, for an account that failed `online`, and under `strict` for warnings and for accounts
 * that cannot serve.
 */
export async function check({ configPath, strict, online, json }: CheckOptions, output: Output): Promise<number> {
  const loaded = await load(configPath, json, output)
  if (loaded === null) return 1
  const { config, warnings } = loaded
  const trials: Trials = online ? await tryAll(config, configPath) : new Map()
  output.print(json ? toJson(config, warnings, trials) : toText(configPath, loaded, trials))
  if ([...trials.values()].some(({ ok }) => !ok)) return 1
  const isPerfect = warnings.length === 0 && config.accounts.every((account) => !account.enabled || isReady(account))
  return strict && !isPerfect ? 1 : 0
}

/** Null when the config is unusable and JSON has said so. Throws ConfigError otherwise. */
async function load(configPath: string, json: boolean, output: Output): Promise<LoadedConfig | null> {
  try {
    return await loadConfig(configPath)
  } catch (error) {
    if (!json || !(error instanceof ConfigError)) throw error
    output.print(JSON.stringify({ usable: false, problems: error.problems, accounts: [] }, null, 2))
    return null
  }
}

async function tryAll(config: RelayConfig, configPath: string): Promise<Trials> {
  const { tryAccounts } = await import('./trial.ts')
  await recoverConfig(config.path, createSystemClock()).catch(() => {})
  return tryAccounts(config, configPath)
}

function toJson(config: RelayConfig, problems: LoadedConfig['warnings'], trials: Trials): string {
  const accounts = config.accounts.map((account) => ({
    name: account.name,
    platform: account.platform,
    protocols: protocolsOf(account),
    priority: account.priority,
    enabled: account.enabled,
    ready: isReady(account),
    problem: account.problem,
    ...(trials.has(account) ? { online: trials.get(account) } : {}),
  }))
  return JSON.stringify({ usable: true, problems, accounts }, null, 2)
}

function toText(configPath: string, { config, warnings }: LoadedConfig, trials: Trials): string {
  const rows = config.accounts.map((account) => [
    account.name,
    account.platform,
    protocolsOf(account).join(', '),
    `priority ${account.priority}`,
    describeState(account, trials.get(account)),
  ])
  const ready = config.accounts.filter(isReady).length
  const served = [...trials.values()].filter(({ ok }) => ok).length
  const counts = [
    trials.size === 0
      ? `${ready} of ${count(rows.length, 'account')} ready`
      : `${served} of ${count(trials.size, 'account')} served`,
    count(config.tokens.length, 'token'),
    count(warnings.length, 'warning'),
  ]
  return [
    ...warnings.map((warning) => `${formatProblem(warning)}\n`),
    ...alignColumns(rows),
    '',
    `${configPath}: ${counts.join(', ')}`,
  ].join('\n')
}

function protocolsOf(account: Account): readonly string[] {
  return providerOf(account).protocolsOf(account)
}

function isReady(account: Account): boolean {
  return account.enabled && account.problem === null
}

function describeState(account: Account, trial: Trial | undefined): string {
  if (trial !== undefined) return describeTrial(trial)
  return account.enabled ? (account.problem ?? 'ready') : 'not enabled'
}

/** What is wrong, and what mends it, in one line. */
function describeTrial({ message, mend }: Trial): string {
  return mend === null || message.includes(mend) ? message : `${message}; mend it: ${mend}`
}
