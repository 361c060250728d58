import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { cleanSchema } from '../../src/protocols/schema-subset.ts'

const object = (properties: JsonObject, members: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties,
  ...members,
})

describe('a schema for a function of OpenAI', () => {
  it.each([
    ['nothing at all', {}, { type: 'object', properties: {} }],
    ['no properties', { type: 'object' }, { type: 'object', properties: {} }],
    ['names of its own', { $schema: 's', $id: 'i', ...object({}) }, { type: 'object', properties: {} }],
    ['an oddity', object({ a: { not: { type: 'null' } } }), object({ a: { not: { type: 'null' } } })],
  ])('with %s stays usable', (_, schema, expected) => {
    expect(cleanSchema(schema, 'function')).toEqual({ schema: expected, fits: true })
  })

  it('that is no object at all is replaced by one, and says so', () => {
    expect(cleanSchema({ type: 'string' }, 'function')).toEqual({
      schema: { type: 'object', properties: {} },
      fits: false,
    })
  })
})

describe('a strict schema for OpenAI', () => {
  it('is closed all the way down', () => {
    const schema = object({ a: object({ b: { type: 'string' } }, { required: ['b'] }) }, { required: ['a'] })
    const { schema: strict, fits } = cleanSchema(schema, 'openai-strict')
    expect(fits).toBe(true)
    expect(strict).toEqual({
      type: 'object',
      properties: {
        a: { type: 'object', properties: { b: { type: 'string' } }, required: ['b'], additionalProperties: false },
      },
      required: ['a'],
      additionalProperties: false,
    })
  })

  it('requires what may be null anyway', () => {
    const { schema, fits } = cleanSchema(object({ a: { type: ['string', 'null'] } }), 'openai-strict')
    expect([fits, schema['required']]).toEqual([true, ['a']])
  })

  it('leaves a reference alone with itself', () => {
    const schema = object(
      { a: { allOf: [{ $ref: '#/$defs/x' }], description: 'an x' } },
      { required: ['a'], $defs: { x: { type: 'string' } } },
    )
    expect(cleanSchema(schema, 'openai-strict')).toMatchObject({
      fits: true,
      schema: { properties: { a: { $ref: '#/$defs/x' } }, $defs: { x: { type: 'string' } } },
    })
  })

  it.each([
    ['an optional property', object({ a: { type: 'string' } })],
    ['open objects', object({}, { additionalProperties: true })],
    ['a map', object({ a: { type: 'object', additionalProperties: { type: 'string' } } }, { required: ['a'] })],
    ['oneOf', object({ a: { oneOf: [{ type: 'string' }] } }, { required: ['a'] })],
    ['alternatives at the root', { type: 'object', anyOf: [object({})] }],
    ['patterns of names', object({ a: object({}, { patternProperties: { x: {} } }) }, { required: ['a'] })],
  ])('6.27: does not mutilate %s, but says that it cannot be strict', (_, schema) => {
    const { schema: lenient, fits } = cleanSchema(schema, 'openai-strict')
    expect(fits).toBe(false)
    expect(lenient).toEqual(cleanSchema(schema, 'function').schema)
  })
})

describe('a schema for a tool of Anthropic', () => {
  it('has its alternatives written out', () => {
    const schema = {
      type: 'object',
      properties: { kind: { type: 'string' } },
      required: ['kind'],
      anyOf: [
        { properties: { a: { type: 'string' } }, required: ['a'] },
        { properties: { b: { type: 'number' } }, required: ['b'] },
      ],
    }
    expect(cleanSchema(schema, 'anthropic-tool')).toEqual({
      schema: object(
        { a: { type: 'string' }, b: { type: 'number' }, kind: { type: 'string' } },
        { required: ['kind'] },
      ),
      fits: false,
    })
  })

  it('speaks draft 2020-12 where it spoke draft 4', () => {
    const schema = object({
      pair: { type: 'array', items: [{ type: 'string' }, { type: 'number' }], additionalItems: false },
      size: { type: 'number', minimum: 0, exclusiveMinimum: true },
      name: { type: 'string', required: true },
    })
    expect(cleanSchema(schema, 'anthropic-tool').schema['properties']).toEqual({
      pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false },
      size: { type: 'number', exclusiveMinimum: 0 },
      name: { type: 'string' },
    })
  })
})

describe('a strict schema for Anthropic', () => {
  it('tells limits in words', () => {
    const schema = object({
      n: { type: 'integer', description: 'A count.', minimum: 1, maximum: 9 },
      s: { type: 'string', pattern: '^a', format: 'regex' },
      l: { type: 'array', items: { oneOf: [{ type: 'string' }] }, minItems: 2 },
      d: { type: 'string', format: 'date' },
    })
    expect(cleanSchema(schema, 'anthropic-strict')).toEqual({
      fits: true,
      schema: {
        type: 'object',
        properties: {
          n: { type: 'integer', description: 'A count. (minimum: 1, maximum: 9)' },
          s: { type: 'string', description: '(pattern: "^a", format: "regex")' },
          l: { type: 'array', items: { anyOf: [{ type: 'string' }] }, description: '(minItems: 2)' },
          d: { type: 'string', format: 'date' },
        },
        additionalProperties: false,
      },
    })
  })

  it('gives way where an object is a map', () => {
    expect(cleanSchema(object({}, { additionalProperties: { type: 'string' } }), 'anthropic-strict').fits).toBe(false)
  })
})

describe('a schema for Gemini', () => {
  it('6.26: holds only what Gemini knows', () => {
    const schema = object(
      {
        a: { type: 'string', const: 'x', default: 'x', pattern: '^x' },
        n: { type: 'integer', exclusiveMinimum: 0 },
        u: { type: ['string', 'null'] },
        r: { $ref: '#/definitions/thing', description: 'a thing' },
        m: { allOf: [object({ b: { type: 'string' } }), object({ c: { type: 'string' } }, { required: ['c'] })] },
      },
      { $schema: 's', propertyNames: { pattern: 'x' }, definitions: { thing: { type: 'string', examples: ['y'] } } },
    )
    expect(cleanSchema(schema, 'gemini')).toEqual({
      fits: false,
      schema: {
        type: 'object',
        properties: {
          a: { type: 'string', enum: ['x'] },
          n: { type: 'integer', minimum: 0 },
          u: { type: ['string', 'null'] },
          r: { $ref: '#/$defs/thing' },
          m: { type: 'object', properties: { b: { type: 'string' }, c: { type: 'string' } }, required: ['c'] },
        },
        $defs: { thing: { type: 'string' } },
      },
    })
  })

  it('of an answer may be a list', () => {
    const schema = { type: 'array', items: { type: 'string' } }
    expect(cleanSchema(schema, 'gemini')).toEqual({ schema, fits: true })
  })
})

it('is cleaned on a copy', () => {
  const schema = object({ a: { type: 'string', const: 'x', oneOf: [{ minimum: 1 }] } })
  const before = JSON.stringify(schema)
  for (const target of ['function', 'openai-strict', 'anthropic-tool', 'anthropic-strict', 'gemini'] as const) {
    cleanSchema(schema, target)
  }
  expect(JSON.stringify(schema)).toBe(before)
})
