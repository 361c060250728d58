/**
 * Tools and the choice among them for a Chat server.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Tool, ToolChoice } from '../hub.ts'
import { cleanSchema } from '../schema-subset.ts'
import { TEXT_SCHEMA } from './call-form.ts'

type CallableTool = Extract<Tool, { kind: 'function' | 'custom' }>

/** `tools`, and whether calls may be parallel. Without tools there is no member: an empty list is a 400 on some hosts. */
export function encodeTools(conversation: Conversation, target: Target): JsonObject {
  const tools = callableTools(conversation, target)
  if (tools.length === 0) return {}
  const { parallelTools } = conversation
  // Everywhere else parallel calls are the default, and the member is not always known.
  const saysParallel = parallelTools !== null && (target.isVendorHost || !parallelTools)
  return {
    tools: tools.map((tool) => encodeTool(tool, target)),
    ...(saysParallel ? { parallel_tool_calls: parallelTools } : {}),
  }
}

/** Whether a custom tool stays one: only the vendor's newer models have them. */
export function keepsCustomTools({ isVendorHost, capabilities }: Target): boolean {
  return isVendorHost && capabilities.isOpenaiReasoning
}

/**
 * The tools that this dialect can offer. Where a subset is allowed and the host has no words for it, only the subset.
 * Throws `invalid_request` when a tool is forced that runs at another vendor.
 */
function callableTools({ tools, toolChoice }: Conversation, target: Target): CallableTool[] {
  const allowed = toolChoice?.mode === 'allowed' && !target.isVendorHost ? new Set(toolChoice.names) : null
  return tools.filter((tool): tool is CallableTool => {
    if (tool.kind === 'function' || tool.kind === 'custom') return allowed === null || allowed.has(tool.name)
    if (toolChoice?.mode === 'named' && toolChoice.name === tool.name) {
      throw invalidRequest(`tool_choice: the tool "${tool.name}" cannot run on this model's host`, 'tool_choice')
    }
    target.ledger.note('dropped', `tool.${tool.name}`)
    return false
  })
}

function encodeTool(tool: CallableTool, target: Target): JsonObject {
  const name = target.toolName(tool.name, tool.namespace)
  if (tool.kind === 'custom') return encodeCustomTool(tool, name, target)
  const wantsStrict = tool.strict === true && target.isVendorHost
  const { schema, fits } = cleanSchema(tool.schema, wantsStrict ? 'openai-strict' : 'function')
  if (tool.strict === true && !(wantsStrict && fits)) target.ledger.note('weakened', `strict.${tool.name}`)
  return {
    type: 'function',
    function: {
      name,
      ...(tool.description === '' ? {} : { description: tool.description }),
      parameters: schema,
      ...(wantsStrict ? { strict: fits } : {}),
    },
  }
}

/** The grammar of a tool that becomes a function is told in words. */
function encodeCustomTool(tool: Extract<Tool, { kind: 'custom' }>, name: string, target: Target): JsonObject {
  const { description, format } = tool
  if (keepsCustomTools(target)) {
    const { type: _, ...grammar } = format ?? {}
    return {
      type: 'custom',
      custom: { name, description, ...(format === null ? {} : { format: { type: 'grammar', grammar } }) },
    }
  }
  const grammar = format?.['definition']
  const words =
    typeof grammar === 'string' ? `${description}\n\nThe input follows this grammar:\n${grammar}` : description
  return { type: 'function', function: { name, description: words, parameters: TEXT_SCHEMA } }
}

/** Hosts that refuse a forced call while the model thinks get the nearest thing, `auto`. */
export function encodeToolChoice(conversation: Conversation, target: Target): JsonObject {
  const { tools, toolChoice, reasoning } = conversation
  const isCallable = tools.some((tool) => tool.kind === 'function' || tool.kind === 'custom')
  if (toolChoice === null || !isCallable) return {}
  const isForced =
    toolChoice.mode === 'required' ||
    toolChoice.mode === 'named' ||
    (toolChoice.mode === 'allowed' && toolChoice.isRequired)
  const thinks = reasoning?.mode !== 'disabled'
  if (isForced && thinks && !target.capabilities.forcesToolsWhileThinking) {
    target.ledger.note('weakened', 'tool_choice')
    return { tool_choice: 'auto' }
  }
  return { tool_choice: encodeChoice(toolChoice, tools, target) }
}

function encodeChoice(choice: ToolChoice, tools: readonly Tool[], target: Target): string | JsonObject {
  switch (choice.mode) {
    case 'auto':
    case 'none':
    case 'required':
      return choice.mode
    case 'named':
      return nameTool(choice.name, tools, target)
    case 'allowed': {
      const mode = choice.isRequired ? 'required' : 'auto'
      if (!target.isVendorHost) return mode
      const named = choice.names.map((name) => nameTool(name, tools, target))
      return { type: 'allowed_tools', allowed_tools: { mode, tools: named } }
    }
  }
}

function nameTool(name: string, tools: readonly Tool[], target: Target): JsonObject {
  const tool = tools.find((each) => each.name === name)
  const namespace = tool?.kind === 'function' || tool?.kind === 'custom' ? tool.namespace : undefined
  const type = tool?.kind === 'custom' && keepsCustomTools(target) ? 'custom' : 'function'
  return { type, [type]: { name: target.toolName(name, namespace) } }
}
