import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PLATFORM_NAMES } from '../../src/core/platforms.ts'
import { createJsonSchema, printSchema } from '../../src/cli/schema.ts'

interface JsonSchema {
  description?: string
  properties?: Record<string, JsonSchema>
  $ref?: string
  $defs?: Record<string, JsonSchema>
}

describe('the JSON Schema', () => {
  test('is published as docs/config.schema.json; renew it with: npm run docs', () => {
    const printed: string[] = []
    printSchema({ print: (text) => void printed.push(`${text}\n`), complain: () => {} })

    expect(readFileSync(join(import.meta.dirname, '../../docs/config.schema.json'), 'utf8')).toBe(printed.join(''))
  })

  test('is what docs/configuration.md is made of; renew it with: npm run docs', async () => {
    const script = new URL('../../scripts/docs/configuration-page.mjs', import.meta.url)
    const { createConfigurationPage } = (await import(script.href)) as {
      createConfigurationPage: (schema: object) => string
    }
    const page = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8')
    expect(page).toBe(createConfigurationPage(createJsonSchema()))
    expect(page).toContain('| `keepalive_interval` | duration | `15s` |')
  })

  test('explains every key', () => {
    const schema = createJsonSchema() as JsonSchema
    const all = [schema, ...Object.values(schema.$defs ?? {})].flatMap(({ properties = {} }) =>
      Object.entries(properties),
    )

    expect(all.length).toBeGreaterThan(60)
    expect(all.filter(([, { description = '' }]) => !/\S.*[.…]$/.test(description))).toEqual([])
  })

  test('knows the kinds of values that people write', () => {
    expect(createJsonSchema()).toMatchObject({
      required: ['auth_tokens', 'accounts'],
      additionalProperties: false,
      properties: {
        stream_read_timeout: { anyOf: [{ type: 'string' }, { type: 'integer' }], default: '5m' },
        max_account_switches: { type: 'integer', default: 5 },
        strategy: { enum: ['least_in_flight', 'round_robin', 'fill_first', 'soonest_reset'] },
      },
      $defs: { account: { properties: { platform: { enum: PLATFORM_NAMES } } } },
    })
  })
})
