/**
 * Gemini's tools and tool choice in neutral words.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Tool, ToolChoice } from '../hub.ts'
import { objectAt, objectsAt, objectsIn, textAt, textsAt } from '../members.ts'
import { lowerTypes } from './schema-form.ts'

export function decodeTools(value: JsonValue | undefined): Tool[] {
  return objectsIn(value).flatMap((entry): Tool[] => {
    const functions = objectsAt(entry, 'functionDeclarations').map((declaration) => decodeDeclaration(declaration))
    const others = Object.entries(entry).flatMap(([name, raw]): Tool[] => {
      if (name === 'functionDeclarations' || !isJsonObject(raw)) return []
      return name === 'googleSearch' || name === 'googleSearchRetrieval' ? [WEB_SEARCH] : [hosted(name, raw)]
    })
    return [...functions, ...others]
  })
}

const WEB_SEARCH: Tool = {
  kind: 'web-search',
  name: 'web_search',
  allowedDomains: [],
  blockedDomains: [],
  userLocation: null,
  contextSize: null,
  maxUses: null,
}

function hosted(name: string, raw: JsonObject): Tool {
  return { kind: 'hosted', protocol: 'gemini', name, raw: { [name]: raw } }
}

function decodeDeclaration(declaration: JsonObject): Tool {
  const typed = objectAt(declaration, 'parameters')
  const schema = objectAt(declaration, 'parametersJsonSchema') ?? (typed === null ? EMPTY : lowerTypes(typed))
  const { name, description } = { name: textAt(declaration, 'name'), description: textAt(declaration, 'description') }
  return { kind: 'function', name, description, schema, strict: null, isDeferred: false }
}

const EMPTY: JsonObject = { type: 'object', properties: {} }

export function decodeToolChoice(value: JsonValue | undefined): ToolChoice | null {
  const config = isJsonObject(value) ? objectAt(value, 'functionCallingConfig') : null
  if (config === null) return null
  const names = textsAt(config, 'allowedFunctionNames')
  const mode = textAt(config, 'mode').toUpperCase()
  if (mode === 'NONE') return { mode: 'none' }
  const isRequired = mode === 'ANY'
  const [only] = names
  if (names.length > 1) return { mode: 'allowed', names, isRequired }
  if (only !== undefined) return isRequired ? { mode: 'named', name: only } : { mode: 'allowed', names, isRequired }
  return { mode: isRequired ? 'required' : 'auto' }
}
