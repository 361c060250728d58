/**
 * Tools and the choice among them in Responses' flat form.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Tool, ToolChoice } from '../hub.ts'
import { cleanSchema } from '../schema-subset.ts'

export function encodeTools({ tools, toolChoice }: Conversation, target: Target): JsonObject[] {
  return tools.flatMap((tool): JsonObject[] => {
    switch (tool.kind) {
      case 'function':
        // The client's own search has not brought it up yet.
        return tool.isDeferred ? [] : [encodeFunction(tool, target)]
      case 'custom': {
        const name = target.toolName(tool.name, tool.namespace)
        const format = tool.format === null ? {} : { format: tool.format }
        return [{ type: 'custom', name, description: tool.description, ...format }]
      }
      case 'web-search':
        return [encodeSearch(tool, target)]
      case 'hosted':
        if (tool.protocol === 'openai-responses') return [tool.raw]
        if (toolChoice?.mode === 'named' && toolChoice.name === tool.name) {
          throw invalidRequest(`the tool "${tool.name}" runs at another vendor and was forced`, 'tool_choice')
        }
        target.ledger.note('dropped', `tool ${tool.name}`)
        return []
    }
  })
}

function encodeFunction(tool: Extract<Tool, { kind: 'function' }>, target: Target): JsonObject {
  const strict = tool.strict === true ? cleanSchema(tool.schema, 'openai-strict') : null
  if (strict !== null && !strict.fits) target.ledger.note('weakened', `strict ${tool.name}`)
  const isStrict = strict?.fits === true
  return {
    type: 'function',
    name: target.toolName(tool.name, tool.namespace),
    description: tool.description,
    parameters: isStrict ? strict.schema : cleanSchema(tool.schema, 'function').schema,
    strict: isStrict,
  }
}

function encodeSearch(tool: Extract<Tool, { kind: 'web-search' }>, { ledger }: Target): JsonObject {
  if (tool.blockedDomains.length > 0) ledger.note('dropped', 'blocked_domains')
  if (tool.maxUses !== null) ledger.note('dropped', 'max_uses')
  return {
    type: 'web_search',
    ...(tool.allowedDomains.length === 0 ? {} : { filters: { allowed_domains: [...tool.allowedDomains] } }),
    ...(tool.userLocation === null ? {} : { user_location: tool.userLocation }),
    ...(tool.contextSize === null ? {} : { search_context_size: tool.contextSize }),
  }
}

/** Whether a search may happen, whose sources must then be asked for. */
export function searches({ tools }: Conversation): boolean {
  return tools.some((tool) => tool.kind === 'web-search')
}

export function encodeToolChoice({ toolChoice, tools }: Conversation, target: Target): JsonValue | null {
  if (toolChoice === null) return null
  switch (toolChoice.mode) {
    case 'auto':
    case 'none':
    case 'required':
      return toolChoice.mode
    case 'named':
      return refer(toolChoice.name, tools, target)
    case 'allowed':
      return encodeAllowed(toolChoice, tools, target)
  }
}

function encodeAllowed(
  choice: Extract<ToolChoice, { mode: 'allowed' }>,
  tools: readonly Tool[],
  target: Target,
): JsonObject {
  return {
    type: 'allowed_tools',
    mode: choice.isRequired ? 'required' : 'auto',
    tools: choice.names.map((name) => refer(name, tools, target)),
  }
}

function refer(name: string, tools: readonly Tool[], target: Target): JsonObject {
  const tool = tools.find((each) => each.name === name)
  if (tool?.kind === 'web-search') return { type: 'web_search' }
  if (tool?.kind === 'hosted') return { type: tool.name }
  return { type: tool?.kind === 'custom' ? 'custom' : 'function', name: target.toolName(name, tool?.namespace) }
}
