/**
 * `models [--explain]`: every name that can be asked for, and through which account and mapping. Read from the config alone, so
 * that it needs no running relay.
 */
import type { RelayConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { Account } from '../core/account.ts'
import { mostSpecific } from '../core/match.ts'
import { PLATFORMS } from '../core/platforms.ts'
import { printable } from '../core/printable.ts'
import { listModels, type ListedModel } from '../http/models.ts'
import { servesModel } from '../pool/select.ts'
import { providerOf } from '../providers/index.ts'
import { modelChain } from '../relay/model-chain.ts'
import { alignColumns } from './columns.ts'
import type { Output } from './output.ts'

export interface ModelsOptions {
  readonly configPath: string
  readonly explain: boolean
  readonly json: boolean
}

/** One way of serving a name. */
interface Way {
  readonly model: string
  /** The name after the config's `model_map`. */
  readonly served_as: string
  readonly account: string
  /** What the account's vendor is asked for. */
  readonly upstream_model: string
}

/** The exit code is 1 when nothing can be served. Throws ConfigError. */
export async function models({ configPath, explain, json }: ModelsOptions, output: Output): Promise<number> {
  const { config } = await loadConfig(configPath)
  const listed = listModels(config, ANYBODY)
  const ways = explain ? listed.flatMap((model) => waysOf(model, config)) : []
  if (json) output.print(JSON.stringify(explain ? ways : listed.map(({ id }) => id), null, 2))
  else if (explain) output.print(alignColumns(ways.map(describe)).join('\n'))
  else output.print(listed.map(({ id }) => printable(id)).join('\n'))
  if (listed.length === 0) output.complain(`no account in ${configPath} can serve; see: sub2api-simple check`)
  return listed.length === 0 ? 1 : 0
}

/** A client without restrictions. */
const ANYBODY = { models: [], accounts: [], modelMap: new Map<string, readonly string[]>() }

function waysOf({ id, platform }: ListedModel, config: RelayConfig): Way[] {
  const [protocol = 'openai-chat'] = PLATFORMS[platform].dialects
  return modelChain(id, new Map(), config.modelMap).flatMap((name) =>
    config.accounts
      .filter((account) => account.enabled && account.problem === null && servesModel(account, name, protocol))
      .toSorted((a, b) => a.priority - b.priority)
      .map((account) => ({ model: id, served_as: name, account: account.name, upstream_model: nameAt(account, name) })),
  )
}

function nameAt(account: Account, model: string): string {
  const mapped = mostSpecific(account.modelMap, model)?.[0] ?? model
  return providerOf(account).canonicalModel?.(mapped) ?? mapped
}

function describe({ model, served_as, account, upstream_model }: Way): string[] {
  const maps = [
    ...(served_as === model ? [] : [`${served_as} by model_map`]),
    ...(upstream_model === served_as ? [] : [`${upstream_model} at the account`]),
  ]
  return [model, account, maps.length === 0 ? '' : `as ${maps.join(', ')}`]
}
