/**
 * `npm run docs`: writes what in the documents is made of the program: docs/config.schema.json, docs/configuration.md and the
 * map in ARCHITECTURE.md.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConfigurationPage } from './configuration-page.mjs'
import { withSourceTree } from './source-tree.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const schema = execFileSync(process.execPath, [join(root, 'dist/cli.js'), 'schema'], { encoding: 'utf8' })
writeFileSync(join(root, 'docs/config.schema.json'), schema)
writeFileSync(join(root, 'docs/configuration.md'), createConfigurationPage(JSON.parse(schema)))

const architecture = join(root, 'ARCHITECTURE.md')
writeFileSync(architecture, withSourceTree(readFileSync(architecture, 'utf8'), join(root, 'src')))
