/**
 * The body as an account gets it: the client's bytes, with the model's name spliced and configured defaults filled in.
 * Nothing else changes: number forms, key order and unknown members stay as they came.
 */
import type { Account, Protocol } from '../core/account.ts'
import type { HeaderList } from '../core/headers.ts'
import { type Edit, applyEdits, fillMissing, replaceValue } from '../core/json-edit.ts'
import { type JsonObject, parseValue, peekObject } from '../core/json.ts'
import type { Envelope } from '../protocols/contract.ts'
import { isPlain, type Operation, type Provider } from '../providers/contract.ts'
import { providerOf } from '../providers/index.ts'

export interface Defaults {
  readonly modelExtraParams: ReadonlyMap<string, JsonObject>
  readonly defaultInstructions: ReadonlyMap<string, string>
}

export interface PreparedBody {
  readonly body: Buffer
  /** Configured defaults that this platform cannot take and that were left out. */
  readonly skipped: readonly string[]
  /** Members of the request that this vendor does not take and that were left out. */
  readonly dropped: readonly string[]
}

/** What a vendor's own shape of a body depends on besides the body. */
export interface Adaptation {
  /** The client's headers that may go on. */
  readonly headers: HeaderList
  readonly refused: ReadonlySet<string>
}

/** `upstreamModel` is the model's name at the account. Throws JsonSyntaxError when the body is no JSON object. */
export function prepareBody(
  body: Buffer,
  envelope: Envelope,
  protocol: Protocol,
  operation: Operation,
  account: Account,
  upstreamModel: string,
  defaults: Defaults,
  { headers, refused }: Adaptation,
): PreparedBody {
  const provider = providerOf(account)
  const edits: Edit[] = []
  if (envelope.modelRange !== null && upstreamModel !== envelope.model) {
    const isJson = body[envelope.modelRange.start] === QUOTE
    edits.push({ ...envelope.modelRange, text: isJson ? JSON.stringify(upstreamModel) : upstreamModel })
  }
  const skipped: string[] = []
  if (operation === 'count_tokens' || isPlain(operation)) return { body: applyEdits(body, edits), skipped, dropped: [] }
  const instructions = protocol === 'openai-responses' ? instructionsFor(upstreamModel, defaults) : null
  if (provider.adaptBody !== undefined) {
    const params = operation === 'generate' ? paramsFor(account, upstreamModel, defaults, skipped) : {}
    if (Object.keys(params).length > 0) edits.push(...fillMissing(body, params))
    const facts = { operation, headers, refused, defaultInstructions: instructions }
    return { ...provider.adaptBody(applyEdits(body, edits), facts), skipped }
  }
  if (operation !== 'generate') return { body: applyEdits(body, edits), skipped, dropped: [] }
  const params = paramsFor(account, upstreamModel, defaults, skipped)
  if (instructions !== null) edits.push(...fillInstructions(body, instructions, params))
  if (Object.keys(params).length > 0) edits.push(...fillMissing(body, params))
  return { body: applyEdits(body, edits), skipped, dropped: [] }
}

/** A form names the model without quotes. */
const QUOTE = 0x22

/** Null when the config has none. */
function instructionsFor(model: string, { defaultInstructions }: Defaults): string | null {
  const text = (lookUp(defaultInstructions, model) ?? defaultInstructions.get('*') ?? '').trim()
  return text === '' ? null : text
}

function paramsFor(account: Account, model: string, defaults: Defaults, skipped: string[]): JsonObject {
  return { ...defaultsFor(model, providerOf(account), defaults, skipped), ...account.extraParams }
}

/** Instructions count as missing when they are blank, too; the rest of the defaults goes by presence. */
function fillInstructions(body: Buffer, text: string, params: JsonObject): Edit[] {
  const range = peekObject(body, ['instructions']).get('instructions')
  const given = range === undefined ? null : parseValue(body, range)
  if (range !== undefined && typeof given === 'string' && given.trim() === '') return [replaceValue(range, text)]
  params['instructions'] = text
  return []
}

function defaultsFor(model: string, provider: Provider, defaults: Defaults, skipped: string[]): JsonObject {
  const specific = lookUp(defaults.modelExtraParams, model)
  if (specific !== undefined) return specific
  const general = defaults.modelExtraParams.get('*') ?? {}
  if (provider.takeDefault === undefined) return general
  const kept: JsonObject = {}
  for (const [name, value] of Object.entries(general)) {
    const usable = provider.takeDefault(name, value)
    if (usable === undefined) skipped.push(name)
    else kept[name] = usable
  }
  return kept
}

/** Exact name first, then without regard to case; an empty entry counts as none (Go program, compatibility rule). */
function lookUp<T extends JsonObject | string>(table: ReadonlyMap<string, T>, model: string): T | undefined {
  const entry = table.get(model) ?? [...table].find(([name]) => name.toLowerCase() === model.toLowerCase())?.[1]
  const isBlank =
    typeof entry === 'string' ? entry.trim() === '' : entry !== undefined && Object.keys(entry).length === 0
  return isBlank ? undefined : entry
}
