/**
 * Reads members of objects that nobody has checked: what is missing or of another type is empty.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts'

export function textAt(object: JsonObject, name: string): string {
  const value = object[name]
  return typeof value === 'string' ? value : ''
}

export function objectAt(object: JsonObject, name: string): JsonObject | null {
  const value = object[name]
  return isJsonObject(value) ? value : null
}

/** The objects in a list; whatever else it holds is left out. */
export function objectsAt(object: JsonObject, name: string): JsonObject[] {
  return objectsIn(object[name])
}

export function objectsIn(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((element) => isJsonObject(element)) : []
}

export function textsAt(object: JsonObject, name: string): string[] {
  const value = object[name]
  return Array.isArray(value) ? value.filter((element) => typeof element === 'string') : []
}

export function numberAt(object: JsonObject, name: string): number | null {
  const value = object[name]
  return typeof value === 'number' ? value : null
}

/** True, false, or null where the object does not say. */
export function flagAt(object: JsonObject, name: string): boolean | null {
  const value = object[name]
  return typeof value === 'boolean' ? value : null
}
