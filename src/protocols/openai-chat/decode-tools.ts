/**
 * The tools of a Chat request, today's and those of the years before `tools`, and the choice among them.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Tool, ToolChoice } from '../hub.ts'
import { flagAt, objectAt, objectsAt, textAt } from '../members.ts'

/** The name by which a client that asks for a search finds it in no list of tools. */
const SEARCH_NAME = 'web_search'

/** `tools`, the older `functions`, and the search that has a member of its own. Throws `invalid_request` for one without a name. */
export function decodeTools(body: JsonObject): Tool[] {
  const tools = [
    ...objectsAt(body, 'tools').map((tool, i) => decodeTool(tool, `tools.${i}`)),
    ...objectsAt(body, 'functions').map((declared, i) => decodeFunction(declared, {}, `functions.${i}`)),
  ]
  const search = objectAt(body, 'web_search_options')
  return search === null ? tools : [...tools, decodeSearch(search)]
}

function decodeTool(tool: JsonObject, at: string): Tool {
  const type = textAt(tool, 'type') || 'function'
  switch (type) {
    case 'function':
      // Some clients send the flat form of Responses here, and hosts take it.
      return decodeFunction(objectAt(tool, 'function') ?? tool, tool, at)
    case 'custom':
      return decodeCustom(objectAt(tool, 'custom') ?? tool, at)
    case 'web_search':
    case 'web_search_preview':
      return decodeSearch(tool)
    default:
      return { kind: 'hosted', protocol: 'openai-chat', name: textAt(tool, 'name') || type, raw: tool }
  }
}

/** `tool` is the object around `declared`, where some clients mark the cache. */
function decodeFunction(declared: JsonObject, tool: JsonObject, at: string): Tool {
  const cacheControl = objectAt(tool, 'cache_control')
  return {
    kind: 'function',
    name: requireName(declared, at),
    description: textAt(declared, 'description'),
    schema: objectAt(declared, 'parameters') ?? { type: 'object', properties: {} },
    strict: flagAt(declared, 'strict'),
    isDeferred: false,
    ...(cacheControl === null ? {} : { cacheControl }),
  }
}

/** The grammar is nested here, and flat in the neutral form. */
function decodeCustom(declared: JsonObject, at: string): Tool {
  const format = objectAt(declared, 'format')
  const grammar = format === null ? null : (objectAt(format, 'grammar') ?? format)
  return {
    kind: 'custom',
    name: requireName(declared, at),
    description: textAt(declared, 'description'),
    format: grammar !== null && format?.['type'] === 'grammar' ? { ...grammar, type: 'grammar' } : null,
  }
}

function decodeSearch(options: JsonObject): Tool {
  const location = objectAt(options, 'user_location')
  return {
    kind: 'web-search',
    name: SEARCH_NAME,
    allowedDomains: [],
    blockedDomains: [],
    userLocation: location && { type: 'approximate', ...(objectAt(location, 'approximate') ?? location) },
    contextSize: textAt(options, 'search_context_size') || null,
    maxUses: null,
  }
}

function requireName(declared: JsonObject, at: string): string {
  const name = textAt(declared, 'name')
  if (name === '') throw invalidRequest(`${at}: a tool needs a name`, at)
  return name
}

/** Null leaves the choice to the model. Throws `invalid_request` for a choice that says nothing. */
export function decodeToolChoice(body: JsonObject): ToolChoice | null {
  const choice = body['tool_choice'] ?? body['function_call'] ?? null
  if (choice === null) return null
  if (typeof choice === 'string') return decodeMode(choice)
  const allowed = isJsonObject(choice) ? objectAt(choice, 'allowed_tools') : null
  if (allowed !== null) {
    const names = objectsAt(allowed, 'tools').map(nameOfChoice)
    return { mode: 'allowed', names, isRequired: allowed['mode'] === 'required' }
  }
  const name = nameOfChoice(choice)
  if (name === '') throw invalidRequest('tool_choice: names no tool', 'tool_choice')
  return { mode: 'named', name }
}

function decodeMode(mode: string): ToolChoice {
  switch (mode) {
    case 'auto':
    case 'none':
    case 'required':
      return { mode }
    case 'any':
      return { mode: 'required' }
    default:
      throw invalidRequest('tool_choice: must be auto, none, required, or name a tool', 'tool_choice')
  }
}

/** `{type, function: {name}}`, `{type, custom: {name}}`, or flat. A hosted tool is known by its type. */
function nameOfChoice(choice: JsonValue): string {
  if (!isJsonObject(choice)) return ''
  const named = objectAt(choice, 'function') ?? objectAt(choice, 'custom') ?? choice
  const type = textAt(choice, 'type')
  return textAt(named, 'name') || (type.startsWith('web_search') ? SEARCH_NAME : '')
}
