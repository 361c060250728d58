/**
 * `schema`: the JSON Schema of the config file, from the same description that checks it. Editors complete and explain
 * keys with it; docs/config.schema.json is its published copy.
 */
import { toJsonSchema } from '@valibot/to-json-schema'
import { SECRET_REFERENCES } from '../config/fields.ts'
import { AccountShape, ConfigShape, TokenShape } from '../config/schema.ts'
import type { Output } from './output.ts'

export function printSchema(output: Output): void {
  output.print(JSON.stringify(createJsonSchema(), null, 2))
}

/** Comments, and the link to the schema itself. */
const COMMENT_KEYS = { '^(_|\\$schema$)': true } as const

/** Draft 7, which is what editors know best. */
export function createJsonSchema(): object {
  return toJsonSchema(ConfigShape, {
    // What people write, not what the program makes of it.
    typeMode: 'input',
    definitions: { ...SECRET_REFERENCES, token: TokenShape, account: AccountShape },
    ignoreActions: ['metadata'],
    overrideSchema: ({ valibotSchema, jsonSchema: schema }) => {
      switch (valibotSchema.type) {
        case 'object':
          return { ...schema, additionalProperties: false, patternProperties: COMMENT_KEYS }
        case 'record':
          delete schema.propertyNames
          return { ...schema, patternProperties: COMMENT_KEYS }
        default:
          return null
      }
    },
  })
}
