/**
 * Tools of a Responses request in neutral words; Codex's groups are flattened and remembered.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Ledger, Tool, ToolChoice } from '../hub.ts'
import { flagAt, numberAt, objectAt, objectsAt, objectsIn, textAt, textsAt } from '../members.ts'

/** The tools of a list; `namespace` is the group they stand in. */
export function decodeTools(value: JsonValue | undefined, ledger: Ledger, namespace = ''): Tool[] {
  return objectsIn(value).flatMap((tool): Tool[] => {
    const type = textAt(tool, 'type')
    const name = textAt(tool, 'name')
    const grouped = namespace === '' ? {} : { namespace }
    switch (type) {
      case 'function':
        return [
          {
            kind: 'function',
            name,
            ...grouped,
            description: textAt(tool, 'description'),
            schema: objectAt(tool, 'parameters') ?? { type: 'object', properties: {} },
            strict: flagAt(tool, 'strict'),
            // The vendor's search for tools exists nowhere else, so none waits to be found.
            isDeferred: false,
          },
        ]
      case 'custom':
        return [{ kind: 'custom', name, ...grouped, description: textAt(tool, 'description'), format: grammarOf(tool) }]
      case 'namespace':
        if (textAt(tool, 'description') !== '') ledger.note('dropped', `description of ${name}`)
        return decodeTools(tool['tools'], ledger, name)
      case 'web_search':
      case 'web_search_preview':
        return [decodeSearch(tool)]
      default:
        return [{ kind: 'hosted', protocol: 'openai-responses', name: type, raw: tool }]
    }
  })
}

/** Plain text needs no word about its form. */
function grammarOf(tool: JsonObject): JsonObject | null {
  const format = objectAt(tool, 'format')
  return format === null || format['type'] === 'text' ? null : format
}

function decodeSearch(tool: JsonObject): Tool {
  const filters = objectAt(tool, 'filters') ?? {}
  return {
    kind: 'web-search',
    name: 'web_search',
    allowedDomains: textsAt(filters, 'allowed_domains'),
    blockedDomains: textsAt(filters, 'blocked_domains'),
    userLocation: objectAt(tool, 'user_location'),
    contextSize: textAt(tool, 'search_context_size') || null,
    maxUses: numberAt(tool, 'max_uses'),
  }
}

export function decodeToolChoice(value: JsonValue | undefined): ToolChoice | null {
  if (value === 'auto' || value === 'none' || value === 'required') return { mode: value }
  if (!isJsonObject(value)) return null
  if (value['type'] === 'allowed_tools') {
    const names = objectsAt(value, 'tools').map((tool) => textAt(tool, 'name') || nameOfType(textAt(tool, 'type')))
    return { mode: 'allowed', names, isRequired: value['mode'] === 'required' }
  }
  return { mode: 'named', name: textAt(value, 'name') || nameOfType(textAt(value, 'type')) }
}

function nameOfType(type: string): string {
  return type.startsWith('web_search') ? 'web_search' : type
}
