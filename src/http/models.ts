/**
 * The list of models that can be served, in the dialect of whoever asks. Made from config and accounts alone.
 */
import type { IncomingMessage } from 'node:http'
import type { Account, ClientToken } from '../core/account.ts'
import { matchesPattern } from '../core/match.ts'
import type { RelayConfig } from '../config/config.ts'
import { providerOf } from '../providers/index.ts'
import { queryOf } from './request-target.ts'

export interface ListedModel {
  readonly id: string
  readonly platform: Account['platform']
}

export type ModelDialect = 'anthropic' | 'openai' | 'gemini' | 'codex'

/**
 * Names that `client` can ask for: each account's own list (patterns cannot be listed, so their vendor's known names that
 * fit stand for them), and the names of the maps.
 */
export function listModels(
  config: RelayConfig,
  client: Pick<ClientToken, 'accounts' | 'models' | 'modelMap'>,
): ListedModel[] {
  const listed = new Map<string, ListedModel>()
  const add = (id: string, platform: Account['platform']): void => {
    const isAllowed = client.models.length === 0 || client.models.some((pattern) => matchesPattern(pattern, id))
    if (!id.includes('*') && isAllowed && !listed.has(id)) listed.set(id, { id, platform })
  }
  const usable = config.accounts.filter(
    ({ enabled, problem, name, tags }) =>
      enabled &&
      problem === null &&
      (client.accounts.length === 0 || client.accounts.some((allowed) => allowed === name || tags.includes(allowed))),
  )
  for (const account of usable) {
    const { platform, models } = account
    const known = providerOf(account).knownModels
    for (const name of account.modelMap.keys()) add(name, platform)
    if (models.length === 0) for (const name of known) add(name, platform)
    for (const pattern of models) {
      if (pattern.includes('*')) for (const name of known) if (matchesPattern(pattern, name)) add(name, platform)
      add(pattern, platform)
    }
  }
  for (const map of [client.modelMap, config.modelMap]) {
    for (const [name, targets] of map) {
      const target = targets.map((each) => listed.get(each)).find((each) => each !== undefined)
      if (target !== undefined) add(name, target.platform)
    }
  }
  return [...listed.values()]
}

/** Which list a client expects, by the marks that real clients carry. */
export function modelDialect(incoming: IncomingMessage, path: string): ModelDialect {
  const query = queryOf(incoming)
  if (path.includes('/v1beta/') || incoming.headers['x-goog-api-key'] !== undefined) return 'gemini'
  if (incoming.headers['anthropic-version'] !== undefined) return 'anthropic'
  return query.has('client_version') ? 'codex' : 'openai'
}

/** The whole list as a JSON value. Codex keeps its own list and wants to hear that there is nothing to add. */
export function encodeModelList(models: readonly ListedModel[], dialect: ModelDialect): unknown {
  switch (dialect) {
    case 'codex':
      return { models: [] }
    case 'gemini':
      return { models: models.map((model) => encodeModel(model, dialect)) }
    case 'anthropic':
    case 'openai':
      return {
        object: 'list',
        data: models.map((model) => encodeModel(model, dialect)),
        has_more: false,
        first_id: models[0]?.id ?? null,
        last_id: models.at(-1)?.id ?? null,
      }
  }
}

/** One model. The OpenAI and Anthropic members stand side by side: clients of both read what they know. */
export function encodeModel(model: ListedModel, dialect: ModelDialect): unknown {
  if (dialect === 'gemini') {
    return {
      name: `models/${model.id}`,
      displayName: model.id,
      supportedGenerationMethods: ['generateContent', 'streamGenerateContent', 'countTokens'],
    }
  }
  return {
    id: model.id,
    type: 'model',
    object: 'model',
    display_name: model.id,
    created_at: CREATED_AT.toISOString(),
    created: CREATED_AT.getTime() / 1000,
    owned_by: model.platform,
  }
}

/** Vendors' release dates are not ours to keep; clients only need the member to be there. */
const CREATED_AT = new Date('2026-01-01T00:00:00Z')
