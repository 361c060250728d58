/**
 * JSON Schema in the part of it that a vendor takes, always on a copy. Sources: OpenAI "Supported schemas", Anthropic
 * "JSON schema limitations", Gemini `FunctionDeclaration.parametersJsonSchema`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts'
import { mergeAlternatives, mergeSingleAllOf } from './schema-merge.ts'
import { mapSchema, renameDefinitions, type Rewrite } from './schema-walk.ts'

/**
 * - `function`: a tool of OpenAI's that is not strict
 * - `openai-strict`: a strict tool of OpenAI's, or the format of an answer
 * - `anthropic-tool`: a tool of Anthropic's
 * - `anthropic-strict`: a strict tool of Anthropic's, or the format of an answer
 * - `gemini`: `parametersJsonSchema` and `responseJsonSchema`
 */
export type SchemaTarget = 'function' | 'openai-strict' | 'anthropic-tool' | 'anthropic-strict' | 'gemini'

export interface CleanSchema {
  readonly schema: JsonObject
  /**
   * False when the meaning does not survive. A strict target then gets the schema of its lenient twin (`function`,
   * `anthropic-tool`), to be sent without `strict`: a mutilated schema would make tools impossible to call.
   */
  readonly fits: boolean
}

/** The schema for `target`. Costs a walk over the schema: once per tool and attempt. */
export function cleanSchema(schema: JsonObject, target: SchemaTarget): CleanSchema {
  switch (target) {
    case 'function':
      return cleanRoot(schema)
    case 'openai-strict':
      return rewriteStrictly(schema, rewriteForOpenai, 'function')
    case 'anthropic-tool':
      return cleanForAnthropic(schema)
    case 'anthropic-strict':
      return rewriteStrictly(schema, rewriteForAnthropic, 'anthropic-tool')
    case 'gemini':
      return cleanForGemini(schema)
  }
}

/** An object with `properties` at the root, without the names of the schema itself. */
function cleanRoot(schema: JsonObject): CleanSchema {
  const { $schema: _, $id: __, ...members } = schema
  const type = members['type']
  const isObjectType = type === undefined || type === 'object' || (Array.isArray(type) && type.includes('object'))
  if (!isObjectType) return { schema: { type: 'object', properties: {} }, fits: false }
  const properties = isJsonObject(members['properties']) ? members['properties'] : {}
  return { schema: { ...members, type: 'object', properties }, fits: true }
}

function rewriteStrictly(schema: JsonObject, rewrite: Rewrite, lenient: SchemaTarget): CleanSchema {
  const root = cleanRoot(schema)
  const state = { fits: root.fits && ROOT_ALTERNATIVES.every((name) => schema[name] === undefined) }
  const rewritten = state.fits ? mapSchema(root.schema, rewrite, state) : root.schema
  return state.fits ? { schema: rewritten, fits: true } : { schema: cleanSchema(schema, lenient).schema, fits: false }
}

const ROOT_ALTERNATIVES = ['anyOf', 'oneOf', 'allOf']

/** What OpenAI's strict mode refuses. */
const UNKNOWN_TO_OPENAI = (
  'allOf oneOf not if then else dependentRequired dependentSchemas dependencies patternProperties ' +
  'propertyNames prefixItems contains minContains maxContains minProperties maxProperties uniqueItems ' +
  'unevaluatedItems unevaluatedProperties contentEncoding contentMediaType contentSchema $anchor ' +
  '$dynamicRef $dynamicAnchor'
).split(' ')

const rewriteForOpenai: Rewrite = (node, state) => {
  const { $schema: _, $id: __, ...members } = mergeSingleAllOf(node)
  if (UNKNOWN_TO_OPENAI.some((name) => members[name] !== undefined)) state.fits = false
  // A reference stands alone; what is said beside it is a description.
  if (members['$ref'] !== undefined && members['$defs'] === undefined) return { $ref: members['$ref'] }
  if (!isObjectNode(members)) return members
  // Making an optional property required would change what the client's code is given.
  if (!isClosed(members) || Object.entries(propertiesOf(members)).some((entry) => !isAlwaysThere(entry, members))) {
    state.fits = false
  }
  return { ...members, required: Object.keys(propertiesOf(members)), additionalProperties: false }
}

/** Required, or given as null when there is nothing to say. */
function isAlwaysThere([name, schema]: [string, JsonValue], node: JsonObject): boolean {
  if (Array.isArray(node['required']) && node['required'].includes(name)) return true
  return isJsonObject(schema) && Array.isArray(schema['type']) && schema['type'].includes('null')
}

function isObjectNode(node: JsonObject): boolean {
  const type = node['type']
  return type === 'object' || (Array.isArray(type) && type.includes('object')) || isJsonObject(node['properties'])
}

/** Says nothing of further properties, or forbids them. */
function isClosed(node: JsonObject): boolean {
  return node['additionalProperties'] === undefined || node['additionalProperties'] === false
}

function propertiesOf(node: JsonObject): JsonObject {
  return isJsonObject(node['properties']) ? node['properties'] : {}
}

/** Anthropic checks tools against draft 2020-12 and takes no alternatives at the root. */
function cleanForAnthropic(schema: JsonObject): CleanSchema {
  const merged = mergeAlternatives(schema)
  const root = cleanRoot(merged.schema)
  const state = { fits: root.fits && merged.isExact }
  return { schema: mapSchema(root.schema, toDraft2020, state), fits: state.fits }
}

/** Keywords whose meaning changed since draft 4. */
const toDraft2020: Rewrite = (node) => {
  const { $schema: _, ...members } = node
  if (Array.isArray(members['items'])) {
    members['prefixItems'] = members['items']
    if (members['additionalItems'] === undefined) delete members['items']
    else members['items'] = members['additionalItems']
    delete members['additionalItems']
  }
  if (typeof members['required'] === 'boolean') delete members['required']
  for (const [exclusive, inclusive] of EXCLUSIVE_BOUNDS) {
    if (typeof members[exclusive] !== 'boolean') continue
    if (members[exclusive] && members[inclusive] !== undefined) {
      members[exclusive] = members[inclusive]
      delete members[inclusive]
    } else delete members[exclusive]
  }
  return members
}

const EXCLUSIVE_BOUNDS = [
  ['exclusiveMinimum', 'minimum'],
  ['exclusiveMaximum', 'maximum'],
] as const

/** Limits that structured output cannot enforce; the model is told in words. */
const TOLD_IN_WORDS = (
  'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern maxItems ' +
  'uniqueItems minProperties maxProperties'
).split(' ')
const ANTHROPIC_FORMATS = new Set('date-time time date duration email hostname uri ipv4 ipv6 uuid'.split(' '))
const UNKNOWN_TO_ANTHROPIC = (
  'not if then else patternProperties propertyNames prefixItems contains dependentRequired ' +
  'dependentSchemas dependencies unevaluatedItems unevaluatedProperties'
).split(' ')

const rewriteForAnthropic: Rewrite = (node, state) => {
  const { oneOf, ...members } = toDraft2020(mergeSingleAllOf(node), state)
  if (UNKNOWN_TO_ANTHROPIC.some((name) => members[name] !== undefined)) state.fits = false
  if (oneOf !== undefined) members['anyOf'] ??= oneOf
  const words: string[] = []
  const tell = (name: string): void => {
    words.push(`${name}: ${JSON.stringify(members[name])}`)
    delete members[name]
  }
  for (const name of TOLD_IN_WORDS) if (members[name] !== undefined) tell(name)
  if (typeof members['minItems'] === 'number' && members['minItems'] > 1) tell('minItems')
  if (typeof members['format'] === 'string' && !ANTHROPIC_FORMATS.has(members['format'])) tell('format')
  if (words.length > 0) members['description'] = `${wordsBefore(members)}(${words.join(', ')})`
  if (!isObjectNode(members)) return members
  if (!isClosed(members)) state.fits = false
  return { ...members, additionalProperties: false }
}

function wordsBefore({ description }: JsonObject): string {
  return typeof description === 'string' && description !== '' ? `${description} ` : ''
}

const KNOWN_TO_GEMINI = new Set(
  (
    '$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems ' +
    'minimum maximum anyOf oneOf properties additionalProperties required propertyOrdering'
  ).split(' '),
)
/** Keywords without which the model is not misled. */
const OF_NO_WEIGHT = new Set([
  '$schema',
  '$comment',
  'default',
  'examples',
  'example',
  'deprecated',
  'readOnly',
  'writeOnly',
])

function cleanForGemini(schema: JsonObject): CleanSchema {
  // Unlike the parameters of a function, an answer may be a list or a scalar.
  const root =
    schema['type'] === undefined && schema['properties'] !== undefined ? { ...schema, type: 'object' } : schema
  const state = { fits: true }
  return { schema: mapSchema(renameDefinitions(root), rewriteForGemini, state), fits: state.fits }
}

const rewriteForGemini: Rewrite = (node, state) => {
  const merged = mergeAlternatives(toDraft2020(node, state), ['allOf'])
  const members = merged.schema
  if (!merged.isExact) state.fits = false
  if ('const' in members) members['enum'] ??= [members['const']]
  if (members['nullable'] === true && typeof members['type'] === 'string') members['type'] = [members['type'], 'null']
  for (const [exclusive, inclusive] of EXCLUSIVE_BOUNDS) {
    if (members[exclusive] !== undefined) members[inclusive] ??= members[exclusive]
  }
  const isReference = members['$ref'] !== undefined
  const kept: JsonObject = {}
  for (const [name, value] of Object.entries(members)) {
    if (isReference ? name.startsWith('$') && KNOWN_TO_GEMINI.has(name) : KNOWN_TO_GEMINI.has(name)) kept[name] = value
    else if (!isReference && !OF_NO_WEIGHT.has(name) && !EXPRESSED.has(name)) state.fits = false
  }
  return kept
}

/** Said in other words by then, as far as Gemini has any. */
const EXPRESSED = new Set(['const', 'nullable', 'exclusiveMinimum', 'exclusiveMaximum'])
