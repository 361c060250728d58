/**
 * Tools and the choice among them in Anthropic's words.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Tool } from '../hub.ts'
import { cleanSchema } from '../schema-subset.ts'

type ToolOf<Kind extends Tool['kind']> = Extract<Tool, { kind: Kind }>

/** The tools that this vendor can offer to its model. A restriction to some of them becomes a shorter list. */
export function encodeTools({ tools, toolChoice }: Conversation, target: Target): JsonObject[] {
  const allowed = toolChoice?.mode === 'allowed' ? new Set(toolChoice.names) : null
  return tools.flatMap((tool) => (allowed?.has(tool.name) === false ? [] : encodeTool(tool, target)))
}

/**
 * Null where the vendor's default says it. `offered` are the encoded tools: a choice without any is refused. Throws
 * `invalid_request` when a tool is demanded that is not offered.
 */
export function encodeToolChoice(
  conversation: Conversation,
  offered: readonly JsonObject[],
  target: Target,
): JsonObject | null {
  const { toolChoice, parallelTools } = conversation
  const parallel = parallelTools === false ? { disable_parallel_tool_use: true } : {}
  if (offered.length === 0) {
    if (isForced(conversation)) throw invalidRequest('none of the demanded tools can run here', 'tool_choice')
    return null
  }
  switch (toolChoice?.mode) {
    case undefined:
      return parallelTools === false ? { type: 'auto', ...parallel } : null
    case 'auto':
      return { type: 'auto', ...parallel }
    case 'none':
      return { type: 'none' }
    case 'required':
      return { type: 'any', ...parallel }
    case 'allowed':
      return { type: toolChoice.isRequired ? 'any' : 'auto', ...parallel }
    case 'named':
      return { type: 'tool', name: nameOfChosen(toolChoice.name, conversation, offered, target), ...parallel }
  }
}

/** Whether the model may not answer in words. */
export function isForced({ toolChoice }: Conversation): boolean {
  const mode = toolChoice?.mode
  return mode === 'required' || mode === 'named' || (toolChoice?.mode === 'allowed' && toolChoice.isRequired)
}

function nameOfChosen(name: string, { tools }: Conversation, offered: readonly JsonObject[], target: Target): string {
  const tool = tools.find((candidate) => candidate.name === name)
  const encoded = tool === undefined ? target.toolName(name) : nameOf(tool, target)
  if (offered.some((other) => other['name'] === encoded)) return encoded
  throw invalidRequest(`the tool "${name}" cannot run here`, 'tool_choice')
}

function nameOf(tool: Tool, target: Target): string {
  switch (tool.kind) {
    case 'function':
    case 'custom':
      return target.toolName(tool.name, tool.namespace)
    case 'web-search':
      return SEARCH_NAME
    case 'hosted':
      return tool.name
  }
}

function encodeTool(tool: Tool, target: Target): JsonObject[] {
  switch (tool.kind) {
    case 'function':
      return tool.isDeferred ? drop('deferred-tool', target) : [encodeFunction(tool, target)]
    case 'custom':
      return [encodeCustom(tool, target)]
    // Compatible servers have no search of their own.
    case 'web-search':
      return target.isVendorHost ? [encodeSearch(tool, target)] : drop('tool.web_search', target)
    case 'hosted':
      return tool.protocol === 'anthropic' ? [tool.raw] : drop(`tool.${tool.name}`, target)
  }
}

function drop(name: string, { ledger }: Target): [] {
  ledger.note('dropped', name)
  return []
}

function encodeFunction(tool: ToolOf<'function'>, target: Target): JsonObject {
  const { capabilities, ledger } = target
  const asksForStrict = tool.strict === true
  const strict = asksForStrict && capabilities.structuredOutput ? cleanSchema(tool.schema, 'anthropic-strict') : null
  const isStrict = strict?.fits === true
  if (asksForStrict && !isStrict) ledger.note('weakened', `strict.${tool.name}`)
  return {
    name: nameOf(tool, target),
    ...(tool.description === '' ? {} : { description: tool.description }),
    input_schema: isStrict ? strict.schema : cleanSchema(tool.schema, 'anthropic-tool').schema,
    ...(isStrict ? { strict: true } : {}),
    ...(tool.cacheControl === undefined ? {} : { cache_control: tool.cacheControl }),
  }
}

/** Free text becomes the one property of an object; its grammar can only be told in words. */
function encodeCustom(tool: ToolOf<'custom'>, target: Target): JsonObject {
  const grammar = tool.format?.['definition']
  if (grammar !== undefined) target.ledger.note('weakened', `grammar.${tool.name}`)
  const rule = typeof grammar === 'string' ? `The input must follow this grammar:\n${grammar}` : ''
  const description = [tool.description, rule].filter(Boolean).join('\n\n')
  return {
    name: nameOf(tool, target),
    ...(description === '' ? {} : { description }),
    input_schema: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The whole input of the tool, as it is.' } },
      required: ['input'],
    },
  }
}

const SEARCH_NAME = 'web_search'

function encodeSearch(tool: ToolOf<'web-search'>, { ledger }: Target): JsonObject {
  const { allowedDomains, blockedDomains, userLocation, contextSize, maxUses } = tool
  if (contextSize !== null) ledger.note('dropped', 'search_context_size')
  const domains =
    allowedDomains.length > 0
      ? { allowed_domains: [...allowedDomains] }
      : blockedDomains.length > 0
        ? { blocked_domains: [...blockedDomains] }
        : {}
  return {
    type: 'web_search_20250305',
    name: SEARCH_NAME,
    ...domains,
    ...(userLocation === null ? {} : { user_location: userLocation }),
    ...(maxUses === null ? {} : { max_uses: maxUses }),
  }
}
