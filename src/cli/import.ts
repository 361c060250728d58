/**
 * `import`: writes a config that does what the config of another relay did. The other file is read and left alone.
 */
import { readdir, readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { blankComments } from '../config/json-comments.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts'
import { writeFreshConfig } from './fresh-config.ts'
import { importCliProxy, type KeptSignIn } from './import-cli-proxy.ts'
import { importRouter } from './import-router.ts'
import { type Imported, objectsOf, textOf } from './imported.ts'
import type { Output } from './output.ts'

export interface ImportOptions {
  /** The foreign config. */
  readonly file: string
  /** Where ours is written; nothing may be there. */
  readonly configPath: string
  readonly json: boolean
}

/** Throws an Error when the file is none that is known, and when ours exists already or cannot be written. */
export async function importConfig({ file, configPath, json }: ImportOptions, output: Output): Promise<number> {
  const path = resolve(configPath)
  if (existsSync(path)) throw new Error(`${path} exists already; name another file with -config`)
  const foreign = await readForeign(file)
  const imported = importRouter(foreign) ?? importCliProxy(foreign, await readSignIns(foreign))
  if (imported === null)
    throw new Error(`${file} is no config of claude-code-router (Providers) or CLIProxyAPI (api-keys, auth-dir)`)
  if (objectsOf(imported.config['accounts']).length === 0)
    throw new Error(
      `${file} holds no account that could be taken over: ${imported.notes.join('; ') || 'it names no key'}`,
    )
  await writeFreshConfig(path, imported.config)
  output.print(json ? toJson(path, imported) : toText(path, configPath, imported))
  return 0
}

async function readForeign(file: string): Promise<JsonObject> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read: ${error.code === 'ENOENT' ? 'no such file' : error.message}`, {
      cause: error,
    })
  })
  const isYaml = /\.ya?ml$/i.test(file)
  const document = parseDocument(isYaml ? text : blankComments(text), { uniqueKeys: false })
  const [trouble] = document.errors
  if (trouble !== undefined) throw new Error(`${file} is neither JSON nor YAML: ${trouble.message}`)
  const value = document.toJS() as JsonValue
  if (!isJsonObject(value)) throw new Error(`${file} holds no settings`)
  return value
}

/** Kind and owner of each sign-in that CLIProxyAPI keeps in files; their tokens are not looked at. */
async function readSignIns(foreign: JsonObject): Promise<KeptSignIn[]> {
  const folder = textOf(foreign['auth-dir']).replace(/^~(?=\/|$)/, homedir())
  if (folder === '') return []
  const names = await readdir(folder).catch(() => [])
  const found = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readSignIn(join(folder, name))),
  )
  return found.flatMap((each) => (each === null ? [] : [each]))
}

async function readSignIn(path: string): Promise<KeptSignIn | null> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as JsonObject
    return textOf(value['type']) === '' ? null : { type: textOf(value['type']), email: textOf(value['email']) }
  } catch {
    // What cannot be read there is not ours to complain of.
    return null
  }
}

function toJson(path: string, { from, config, notes }: Imported): string {
  const accounts = objectsOf(config['accounts']).map(({ name }) => name)
  return JSON.stringify({ path, from, listen_addr: config['listen_addr'], accounts, notes }, null, 2)
}

function toText(path: string, configPath: string, { from, config, notes }: Imported): string {
  const count = objectsOf(config['accounts']).length
  const flag = configPath === 'config.json' ? '' : ` -config ${configPath}`
  return [
    `Wrote ${path}: ${count} ${count === 1 ? 'account' : 'accounts'} of ${from}, readable by you alone.`,
    ...notes.map((note) => `- ${note}`),
    '',
    `  sub2api-simple check${flag}   see what is ready`,
    `  sub2api-simple${flag}         run the relay, when the other one is stopped`,
  ].join('\n')
}
