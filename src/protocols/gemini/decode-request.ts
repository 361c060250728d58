/**
 * A Gemini `generateContent` request as a neutral conversation. Members are read in camelCase and in snake_case: proto JSON
 * takes both, and real clients send either.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { isEffort } from '../effort.ts'
import type { Conversation, Format, Ledger, ReasoningWish, Sampling } from '../hub.ts'
import { tokenLimitAt } from '../judge-request.ts'
import { decodeContents, decodeText } from './decode-contents.ts'
import { decodeToolChoice, decodeTools } from './decode-tools.ts'
import { lowerTypes } from './schema-form.ts'

export function decodeRequest(
  given: JsonObject,
  envelope: { readonly model: string; readonly stream: boolean },
  ledger: Ledger,
): Conversation {
  const body = inCamelCase(given, 0)
  const config = objectOf(body['generationConfig'])
  refuseWhatCannotBe(body, config)
  noteLosses(body, config, ledger)
  return {
    source: 'gemini',
    model: envelope.model,
    stream: envelope.stream,
    system: decodeText(body['systemInstruction']),
    turns: decodeContents(body['contents'], ledger),
    tools: decodeTools(body['tools']),
    toolChoice: decodeToolChoice(body['toolConfig']),
    parallelTools: null,
    maxOutputTokens: tokenLimitAt(config, 'maxOutputTokens', 1, 'generationConfig.maxOutputTokens'),
    stop: textsOf(config['stopSequences']),
    sampling: decodeSampling(config),
    reasoning: decodeThinking(config['thinkingConfig']),
    format: decodeFormat(config),
    verbosity: null,
    cacheKey: null,
    marksCache: false,
    user: null,
    serviceTier: decodeTier(body['serviceTier']),
    previousResponseId: null,
    wantsUsage: true,
    extras: {},
  }
}

const KNOWN = new Set([
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
  'serviceTier',
  // Some clients repeat what the path says.
  'model',
])

const KNOWN_CONFIG = new Set([
  'temperature',
  'topP',
  'topK',
  'seed',
  'presencePenalty',
  'frequencyPenalty',
  'responseLogprobs',
  'logprobs',
  'maxOutputTokens',
  'stopSequences',
  'candidateCount',
  'thinkingConfig',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'responseModalities',
])

function noteLosses(body: JsonObject, config: JsonObject, ledger: Ledger): void {
  for (const name of Object.keys(body)) if (!KNOWN.has(name)) ledger.note('dropped', name)
  for (const name of Object.keys(config)) if (!KNOWN_CONFIG.has(name)) ledger.note('dropped', name)
}

/** Where an answer without it would be a wrong answer. */
function refuseWhatCannotBe(body: JsonObject, config: JsonObject): void {
  const candidates = numberOf(config['candidateCount']) ?? 1
  if (candidates > 1) throw invalidRequest('more than one candidate cannot be had from this account', 'candidateCount')
  if (body['cachedContent'] !== undefined)
    throw invalidRequest('cached content is only known to Google', 'cachedContent')
  const modalities = textsOf(config['responseModalities']).filter((modality) => modality.toUpperCase() !== 'TEXT')
  if (modalities.length > 0) throw invalidRequest('this account answers with text alone', 'responseModalities')
  if (config['speechConfig'] !== undefined) throw invalidRequest('this account does not speak', 'speechConfig')
}

function decodeSampling(config: JsonObject): Sampling {
  const sampling: { -readonly [K in keyof Sampling]: Sampling[K] } = {}
  for (const [name, member] of SAMPLING) {
    const value = numberOf(config[member])
    if (value !== undefined) sampling[name] = value
  }
  if (config['responseLogprobs'] === true) sampling.topLogprobs = numberOf(config['logprobs']) ?? 0
  return sampling
}

const SAMPLING = [
  ['temperature', 'temperature'],
  ['topP', 'topP'],
  ['topK', 'topK'],
  ['seed', 'seed'],
  ['presencePenalty', 'presencePenalty'],
  ['frequencyPenalty', 'frequencyPenalty'],
] as const

function decodeThinking(value: JsonValue | undefined): ReasoningWish | null {
  if (!isJsonObject(value)) return null
  const budget = numberOf(value['thinkingBudget'])
  const level = typeof value['thinkingLevel'] === 'string' ? value['thinkingLevel'].toLowerCase() : null
  return {
    effort: isEffort(level) ? level : null,
    // -1 leaves the number to the model.
    budget: budget === undefined || budget <= 0 ? null : budget,
    mode: modeOf(budget),
    isShown: value['includeThoughts'] === true,
  }
}

/** Google's word for the usual tier; the others are the same everywhere. */
function decodeTier(value: JsonValue | undefined): string | null {
  const tier = typeof value === 'string' ? value.toLowerCase() : ''
  if (tier === '' || tier === 'unspecified') return null
  return tier === 'standard' ? 'default' : tier
}

function modeOf(budget: number | undefined): ReasoningWish['mode'] {
  if (budget === undefined) return null
  if (budget === 0) return 'disabled'
  return budget < 0 ? 'adaptive' : 'enabled'
}

function decodeFormat(config: JsonObject): Format | null {
  const type = config['responseMimeType']
  const schema = config['responseJsonSchema'] ?? config['responseSchema']
  if (isJsonObject(schema)) {
    const isTyped = config['responseJsonSchema'] === undefined
    return {
      type: 'schema',
      name: null,
      description: null,
      schema: isTyped ? lowerTypes(schema) : schema,
      strict: null,
    }
  }
  if (type === 'application/json') return { type: 'json' }
  return type === undefined ? null : { type: 'text' }
}

/** What users and tools say is theirs: names inside it stay as they are. */
const FOREIGN = new Set([
  'args',
  'response',
  'parameters',
  'parametersJsonSchema',
  'responseSchema',
  'responseJsonSchema',
  'labels',
])
/** The envelope itself is a few levels deep. */
const DEEPEST = 12

function inCamelCase(object: JsonObject, depth: number): JsonObject {
  const copy: JsonObject = {}
  for (const [name, value] of Object.entries(object)) {
    const camel = name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
    copy[camel] = FOREIGN.has(camel) || depth > DEEPEST ? value : valueInCamelCase(value, depth + 1)
  }
  return copy
}

function valueInCamelCase(value: JsonValue, depth: number): JsonValue {
  if (Array.isArray(value)) return value.map((each) => valueInCamelCase(each, depth))
  return isJsonObject(value) ? inCamelCase(value, depth) : value
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function textsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? (value.filter((each) => typeof each === 'string' && each !== '') as string[]) : []
}
