/**
 * A Messages request in neutral words, from Claude Code's bodies to the smallest one an SDK sends.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Conversation, Effort, Format, Ledger, ReasoningWish, Sampling, TextPart } from '../hub.ts'
import { decodeSystem, decodeTurns } from './decode-turns.ts'
import { decodeTools, decodeToolChoice } from './decode-tools.ts'
import { tokenLimitAt } from '../judge-request.ts'
import { numberAt, objectAt, textAt, textsAt } from '../members.ts'
import { readUserId } from './user-id.ts'

/**
 * In: the parsed body, and model and stream as the envelope has them. Out: everything that another dialect could
 * understand; the rest is in the ledger. Service tiers are told in OpenAI's words. Throws GatewayError `invalid_request`
 * for what is no Messages request and for tools that nobody else could run.
 */
export function decodeRequest(
  body: JsonObject,
  envelope: { readonly model: string; readonly stream: boolean },
  ledger: Ledger,
): Conversation {
  const { turns, leading } = decodeTurns(body['messages'], ledger)
  const { user, session } = readUserId(body['metadata'])
  noteUnknownMembers(body, ledger)
  return {
    source: 'anthropic',
    model: envelope.model,
    stream: envelope.stream,
    system: [...decodeSystem(body['system']), ...leading] satisfies TextPart[],
    turns,
    tools: decodeTools(body, ledger),
    toolChoice: decodeToolChoice(body['tool_choice']),
    parallelTools: decodeParallel(body['tool_choice']),
    maxOutputTokens: tokenLimitAt(body, 'max_tokens', FEWEST_TOKENS),
    stop: textsAt(body, 'stop_sequences'),
    sampling: decodeSampling(body),
    reasoning: decodeReasoning(body, ledger),
    format: decodeFormat(body),
    verbosity: null,
    cacheKey: session,
    marksCache: marksCache(body),
    user,
    serviceTier: decodeServiceTier(body),
    previousResponseId: null,
    wantsUsage: true,
    extras: {},
  }
}

/** With none at all a request only warms the cache. */
const FEWEST_TOKENS = 0

/** Members that are read somewhere here, or that ask for nothing. Everything else is noted. */
const KNOWN_MEMBERS: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'max_tokens',
  'stop_sequences',
  'stream',
  'temperature',
  'top_p',
  'top_k',
  'thinking',
  'output_config',
  'output_format',
  'metadata',
  'cache_control',
  'service_tier',
  'speed',
])

function noteUnknownMembers(body: JsonObject, ledger: Ledger): void {
  for (const name of Object.keys(body)) {
    if (!KNOWN_MEMBERS.has(name) && body[name] !== null) ledger.note('dropped', name)
  }
  if (objectAt(body, 'output_config')?.['task_budget'] !== undefined)
    ledger.note('dropped', 'output_config.task_budget')
}

function decodeParallel(choice: JsonValue | undefined): boolean | null {
  const isDisabled = isJsonObject(choice) ? choice['disable_parallel_tool_use'] : null
  return typeof isDisabled === 'boolean' ? !isDisabled : null
}

function decodeSampling(body: JsonObject): Sampling {
  const temperature = numberAt(body, 'temperature')
  const topP = numberAt(body, 'top_p')
  const topK = numberAt(body, 'top_k')
  return {
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
    ...(topK === null ? {} : { topK }),
  }
}

const EFFORTS: ReadonlySet<string> = new Set(['low', 'medium', 'high', 'xhigh', 'max'] satisfies Effort[])

/** Null when the client says nothing of thinking: then the model's own default holds. */
function decodeReasoning(body: JsonObject, ledger: Ledger): ReasoningWish | null {
  const thinking = objectAt(body, 'thinking')
  const told = objectAt(body, 'output_config')?.['effort']
  const effort = typeof told === 'string' && EFFORTS.has(told) ? (told as Effort) : null
  if (thinking === null && effort === null) return null
  const display = thinking?.['display']
  return {
    effort,
    budget: thinking === null ? null : numberAt(thinking, 'budget_tokens'),
    mode: thinking === null ? null : decodeMode(textAt(thinking, 'type'), ledger),
    isShown: display === 'summarized' ? true : display === 'omitted' ? false : null,
  }
}

function decodeMode(type: string, ledger: Ledger): ReasoningWish['mode'] {
  if (type === 'adaptive' || type === 'enabled' || type === 'disabled') return type
  ledger.note('weakened', `thinking.${type}`)
  return 'adaptive'
}

/** The old beta had the format at the top. This dialect's formats are always binding. */
function decodeFormat(body: JsonObject): Format | null {
  const config = objectAt(body, 'output_config')
  const format = (config === null ? null : objectAt(config, 'format')) ?? objectAt(body, 'output_format')
  const schema = format === null ? null : objectAt(format, 'schema')
  return schema === null ? null : { type: 'schema', name: null, description: null, schema, strict: true }
}

function decodeServiceTier(body: JsonObject): string | null {
  if (body['speed'] === 'fast') return 'priority'
  if (body['service_tier'] === 'standard_only') return 'default'
  return body['service_tier'] === 'auto' ? 'auto' : null
}

/** True when any block that can carry a breakpoint does. */
function marksCache(body: JsonObject): boolean {
  return hasMark(body) || hasMark(body['system']) || hasMark(body['tools']) || hasMark(body['messages'])
}

function hasMark(value: JsonValue | undefined): boolean {
  if (Array.isArray(value)) return value.some(hasMark)
  if (!isJsonObject(value)) return false
  return isJsonObject(value['cache_control']) || (Array.isArray(value['content']) && value['content'].some(hasMark))
}
