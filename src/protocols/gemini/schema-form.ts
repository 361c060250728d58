/**
 * Gemini's old form of a schema (OpenAPI 3.0, types in capitals) as JSON Schema.
 * Source: Gemini API reference, `Schema`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'

/** A copy with lower-case types, `nullable` as a type, and numbers where proto JSON writes texts. */
export function lowerTypes(schema: JsonObject): JsonObject {
  const copy: JsonObject = {}
  for (const [name, value] of Object.entries(schema)) {
    if (LEFT_OUT.has(name)) continue
    copy[name] = lowerMember(name, value)
  }
  if (copy['type'] === 'type_unspecified') delete copy['type']
  if (schema['nullable'] === true && typeof copy['type'] === 'string') copy['type'] = [copy['type'], 'null']
  return copy
}

/** `propertyOrdering` and `example` are Google's own. */
const LEFT_OUT = new Set(['nullable', 'propertyOrdering', 'example'])
/** 64-bit numbers are texts in proto JSON. */
const COUNTS = new Set(['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'])
/** Values, not schemas. */
const VALUES = new Set(['default', 'enum', 'required'])

function lowerMember(name: string, value: JsonValue): JsonValue {
  if (VALUES.has(name)) return value
  if (typeof value === 'string') {
    if (name === 'type') return value.toLowerCase()
    return COUNTS.has(name) ? Number(value) : value
  }
  if (Array.isArray(value)) return value.map((each) => (isJsonObject(each) ? lowerTypes(each) : each))
  if (!isJsonObject(value)) return value
  return name === 'properties' ? lowerEach(value) : lowerTypes(value)
}

function lowerEach(properties: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, isJsonObject(value) ? lowerTypes(value) : value]),
  )
}
