/**
 * Tools and the choice among them in Gemini's words.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Tool } from '../hub.ts'
import { cleanSchema } from '../schema-subset.ts'

/** Declarations in one entry, and the vendor's own tools beside them where the model can have both. */
export function encodeTools(conversation: Conversation, target: Target): JsonObject[] {
  const { capabilities, ledger } = target
  const declarations: JsonObject[] = []
  const hosted = new Map<string, JsonObject>()
  for (const tool of conversation.tools) {
    if (tool.kind === 'function' || tool.kind === 'custom') {
      const declaration = declare(tool, target)
      if (declaration !== null) declarations.push(declaration)
      continue
    }
    const entry = encodeHosted(tool, target)
    if (entry !== null) hosted.set(JSON.stringify(entry), entry)
    else if (isForced(conversation, tool.name)) {
      throw invalidRequest(`the tool "${tool.name}" runs at another vendor and was forced`, 'tool_choice')
    }
  }
  const functions = declarations.length === 0 ? [] : [{ functionDeclarations: declarations }]
  if (functions.length > 0 && hosted.size > 0 && !capabilities.mixesSearchWithFunctions) {
    ledger.note('dropped', 'search beside functions')
    return functions
  }
  return [...functions, ...hosted.values()]
}

/** What runs at Google in place of what runs at another vendor; null where it has nothing like it. */
function encodeHosted(tool: Extract<Tool, { kind: 'web-search' | 'hosted' }>, { ledger }: Target): JsonObject | null {
  if (tool.kind === 'web-search') {
    if (tool.allowedDomains.length > 0) ledger.note('dropped', 'allowed_domains')
    if (tool.blockedDomains.length > 0) ledger.note('dropped', 'blocked_domains')
    if (tool.userLocation !== null) ledger.note('dropped', 'user_location')
    if (tool.maxUses !== null) ledger.note('dropped', 'max_uses')
    return { googleSearch: {} }
  }
  if (tool.protocol === 'gemini') return tool.raw
  if (tool.name.startsWith('web_fetch')) return { urlContext: {} }
  if (/^code_(execution|interpreter)/.test(tool.name)) return { codeExecution: {} }
  ledger.note('dropped', `tool ${tool.name}`)
  return null
}

function declare(tool: Extract<Tool, { kind: 'function' | 'custom' }>, target: Target): JsonObject | null {
  const name = target.toolName(tool.name, tool.namespace)
  if (tool.kind === 'custom') {
    const grammar = tool.format === null ? '' : `\n\nThe input follows this grammar:\n${JSON.stringify(tool.format)}`
    const properties = { input: { type: 'string', description: 'The whole input, as text.' } }
    const schema = { type: 'object', properties, required: ['input'] }
    return { name, description: tool.description + grammar, parametersJsonSchema: schema }
  }
  // The client's own search has not brought it up yet, and this vendor cannot be told to wait.
  if (tool.isDeferred) return null
  return { name, description: tool.description, parametersJsonSchema: cleanSchema(tool.schema, 'gemini').schema }
}

/** Empty where the choice is the model's. */
export function encodeToolConfig(conversation: Conversation, target: Target): JsonObject {
  const { toolChoice } = conversation
  if (toolChoice === null) return {}
  const config = (mode: string, names: readonly string[] = []): JsonObject => ({
    toolConfig: {
      functionCallingConfig: {
        mode,
        ...(names.length === 0
          ? {}
          : { allowedFunctionNames: names.map((name) => nameOf(name, conversation, target)) }),
      },
    },
  })
  switch (toolChoice.mode) {
    case 'auto':
      return config('AUTO')
    case 'none':
      return config('NONE')
    case 'required':
      return config('ANY')
    case 'named':
      // A search that is forced is simply the only tool.
      return isFunction(conversation, toolChoice.name) ? config('ANY', [toolChoice.name]) : {}
    case 'allowed':
      return config(toolChoice.isRequired ? 'ANY' : 'VALIDATED', toolChoice.names)
  }
}

/** A choice names a tool without its group. */
function nameOf(name: string, { tools }: Conversation, target: Target): string {
  const tool = tools.find((each) => each.name === name)
  return target.toolName(name, tool?.kind === 'function' || tool?.kind === 'custom' ? tool.namespace : undefined)
}

function isFunction({ tools }: Conversation, name: string): boolean {
  return tools.some((tool) => tool.name === name && (tool.kind === 'function' || tool.kind === 'custom'))
}

function isForced({ toolChoice }: Conversation, name: string): boolean {
  return toolChoice?.mode === 'named' && toolChoice.name === name
}
