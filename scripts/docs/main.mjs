/**
 * `npm run docs`: writes the documents that are made of the program: docs/config.schema.json and docs/configuration.md.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConfigurationPage } from './configuration-page.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const schema = execFileSync(process.execPath, [join(root, 'dist/cli.js'), 'schema'], { encoding: 'utf8' })
writeFileSync(join(root, 'docs/config.schema.json'), schema)
writeFileSync(join(root, 'docs/configuration.md'), createConfigurationPage(JSON.parse(schema)))
