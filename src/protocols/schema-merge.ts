/**
 * Takes alternatives out of a JSON Schema by writing their branches into it, for vendors that have no such keywords.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts'

/** Many generators wrap a single reference in `allOf` to give it a description. */
export function mergeSingleAllOf(node: JsonObject): JsonObject {
  const { allOf, ...members } = node
  const only = Array.isArray(allOf) && allOf.length === 1 ? allOf[0] : undefined
  return isJsonObject(only) ? { ...only, ...members } : node
}

/**
 * The schema without the `keywords`: the properties of all branches, required where every branch requires them (`allOf`:
 * where any does). `isExact` is false when the result allows more than the schema did.
 */
export function mergeAlternatives(
  schema: JsonObject,
  keywords: ReadonlyArray<'allOf' | 'anyOf' | 'oneOf'> = ['allOf', 'anyOf', 'oneOf'],
): { schema: JsonObject; isExact: boolean } {
  let isExact = true
  const merged = { ...schema }
  for (const keyword of keywords) {
    const branches = merged[keyword]
    if (branches === undefined) continue
    delete merged[keyword]
    const objects = (Array.isArray(branches) ? branches : []).filter((branch) => isJsonObject(branch))
    if (keyword === 'allOf') for (const branch of objects) isExact = addAll(merged, branch) && isExact
    else if (addAnyOf(merged, objects)) isExact = false
  }
  return { schema: merged, isExact }
}

/** Everything that `branch` demands, too. False when both say different things under one name. */
function addAll(merged: JsonObject, branch: JsonObject): boolean {
  let isExact = true
  for (const [name, value] of Object.entries(branch)) {
    const known = merged[name]
    if (known === undefined) merged[name] = value
    else if (name === 'properties' || name === '$defs') merged[name] = joinObjects(known, value)
    else if (name === 'required') merged[name] = [...new Set([...listOf(known), ...listOf(value)])]
    else if (name !== 'description' && name !== 'title' && name !== 'type') isExact = false
  }
  return isExact
}

/** What at least one of the branches offers. True when there was anything to add. */
function addAnyOf(merged: JsonObject, branches: readonly JsonObject[]): boolean {
  if (branches.length === 0) return false
  let properties: JsonValue = {}
  for (const branch of branches) properties = joinObjects(properties, branch['properties'] ?? {})
  merged['properties'] = joinObjects(merged['properties'] ?? {}, properties)
  const required = listOf(merged['required'])
  const everywhere = listOf(branches[0]?.['required']).filter((name) =>
    branches.every((branch) => listOf(branch['required']).includes(name)),
  )
  const all = [...new Set([...required, ...everywhere])]
  if (all.length > 0) merged['required'] = all
  return true
}

/** The first word on a name counts. */
function joinObjects(first: JsonValue, second: JsonValue): JsonObject {
  return { ...(isJsonObject(second) ? second : {}), ...(isJsonObject(first) ? first : {}) }
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : []
}
