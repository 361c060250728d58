/**
 * Tools and tool choice of a request in neutral words.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Ledger, Tool, ToolChoice } from '../hub.ts'
import { cacheControlOf } from './decode-blocks.ts'
import { CLIENT_TOOLS } from './client-tools.ts'
import { flagAt, numberAt, objectAt, objectsAt, objectsIn, textAt, textsAt } from '../members.ts'

type FunctionTool = Extract<Tool, { kind: 'function' }>

/**
 * The tools of the whole body: a deferred one that the history speaks of is there, any other is left to the client's own
 * search for tools. Throws `invalid_request` for tools that act on a screen: no other vendor's model has learnt them.
 */
export function decodeTools(body: JsonObject, ledger: Ledger): Tool[] {
  const raw = objectsAt(body, 'tools')
  const isDeferred = createDeferral(body, raw, ledger)
  return raw.flatMap((tool, i) => {
    const type = textAt(tool, 'type')
    const family = type.replace(/_\d{8}$/, '')
    if (type === '' || type === 'custom') return [decodeFunction(tool, isDeferred, ledger)]
    if (family === 'web_search') return [decodeWebSearch(tool)]
    if (family.startsWith('tool_search')) return []
    if (/^(computer|browser)/.test(family)) {
      throw invalidRequest(`tools.${i}: ${type} works only on an Anthropic account`, `tools.${i}`)
    }
    const known = Object.hasOwn(CLIENT_TOOLS, family) ? CLIENT_TOOLS[family] : undefined
    if (known === undefined) {
      return [{ kind: 'hosted', protocol: 'anthropic', name: textAt(tool, 'name') || type, raw: tool }]
    }
    const { description, schema } = known
    return [
      { kind: 'function', name: textAt(tool, 'name'), description, schema, strict: null, isDeferred: false } as const,
    ]
  })
}

export function decodeToolChoice(choice: JsonValue | undefined): ToolChoice | null {
  switch (isJsonObject(choice) ? choice['type'] : null) {
    case 'auto':
      return { mode: 'auto' }
    case 'any':
      return { mode: 'required' }
    case 'none':
      return { mode: 'none' }
    case 'tool':
      return { mode: 'named', name: textAt(choice as JsonObject, 'name') }
    default:
      return null
  }
}

function decodeFunction(tool: JsonObject, isDeferred: (tool: JsonObject) => boolean, ledger: Ledger): FunctionTool {
  return {
    kind: 'function',
    name: textAt(tool, 'name'),
    description: textAt(tool, 'description') + describeExamples(tool['input_examples'], ledger),
    schema: objectAt(tool, 'input_schema') ?? { type: 'object', properties: {} },
    strict: flagAt(tool, 'strict'),
    isDeferred: isDeferred(tool),
    ...cacheControlOf(tool),
  }
}

/** Examples cost tokens in every request; beyond this they are left out. */
const LONGEST_EXAMPLES = 400

function describeExamples(examples: JsonValue | undefined, ledger: Ledger): string {
  if (!Array.isArray(examples) || examples.length === 0) return ''
  const told = `\n\nExamples of input: ${JSON.stringify(examples)}`
  if (told.length <= LONGEST_EXAMPLES) return told
  ledger.note('dropped', 'tools.input_examples')
  return ''
}

function decodeWebSearch(tool: JsonObject): Tool {
  return {
    kind: 'web-search',
    name: textAt(tool, 'name') || 'web_search',
    allowedDomains: textsAt(tool, 'allowed_domains'),
    blockedDomains: textsAt(tool, 'blocked_domains'),
    userLocation: objectAt(tool, 'user_location'),
    contextSize: null,
    maxUses: numberAt(tool, 'max_uses'),
  }
}

/** Claude Code's search for tools runs at the client and is an ordinary function. */
const CLIENT_SEARCH = /tool_?search/i

/** Tells which tools stay hidden until a search has found them. Without a search that works here, none does. */
function createDeferral(body: JsonObject, tools: JsonObject[], ledger: Ledger): (tool: JsonObject) => boolean {
  if (tools.some((tool) => textAt(tool, 'type').startsWith('tool_search'))) {
    ledger.note('dropped', 'tools.tool_search')
    return () => false
  }
  const isSearchable = tools.some((tool) => tool['defer_loading'] !== true && CLIENT_SEARCH.test(textAt(tool, 'name')))
  if (!isSearchable || !tools.some((tool) => tool['defer_loading'] === true)) return () => false
  const known = namesInHistory(body)
  return (tool) => tool['defer_loading'] === true && !known.has(textAt(tool, 'name'))
}

/** Tools that were called, found by a search, or are demanded now. */
function namesInHistory(body: JsonObject): Set<string> {
  const choice = objectAt(body, 'tool_choice')
  const names = new Set(choice === null ? [] : [textAt(choice, 'name')])
  for (const message of objectsAt(body, 'messages')) {
    for (const block of objectsAt(message, 'content')) {
      if (block['type'] === 'tool_use') names.add(textAt(block, 'name'))
      for (const inner of objectsIn(block['content'])) {
        if (inner['type'] === 'tool_reference') names.add(textAt(inner, 'tool_name'))
      }
    }
  }
  return names
}
