/**
 * `check`: reads the config as `serve` would and tells what is wrong, what is doubtful, and which accounts are ready.
 */
import type { Account } from '../core/account.ts'
import type { RelayConfig } from '../config/config.ts'
import { loadConfig, type LoadedConfig } from '../config/load.ts'
import { ConfigError, formatProblem } from '../config/problem.ts'
import { providerOf } from '../providers/index.ts'
import { alignColumns, count } from './columns.ts'
import type { Output } from './output.ts'

export interface CheckOptions {
  readonly configPath: string
  /** Warnings and accounts that cannot serve count as failures. */
  readonly strict: boolean
  readonly json: boolean
}

/** The exit code: 1 for an unusable config, and under `strict` for warnings and for accounts that cannot serve. */
export async function check({ configPath, strict, json }: CheckOptions, output: Output): Promise<number> {
  const loaded = await load(configPath, json, output)
  if (loaded === null) return 1
  const { config, warnings } = loaded
  output.print(json ? toJson(config, warnings) : toText(configPath, loaded))
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

function toJson(config: RelayConfig, problems: LoadedConfig['warnings']): string {
  const accounts = config.accounts.map((account) => ({
    name: account.name,
    platform: account.platform,
    protocols: protocolsOf(account),
    priority: account.priority,
    enabled: account.enabled,
    ready: isReady(account),
    problem: account.problem,
  }))
  return JSON.stringify({ usable: true, problems, accounts }, null, 2)
}

function toText(configPath: string, { config, warnings }: LoadedConfig): string {
  const rows = config.accounts.map((account) => [
    account.name,
    account.platform,
    protocolsOf(account).join(', '),
    `priority ${account.priority}`,
    describeState(account),
  ])
  const ready = config.accounts.filter(isReady).length
  const counts = [
    `${ready} of ${count(rows.length, 'account')} ready`,
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

function describeState(account: Account): string {
  return account.enabled ? (account.problem ?? 'ready') : 'not enabled'
}
