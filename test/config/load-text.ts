/**
 * Loads a config from text as if it had been in a file, for tests whose fixture is a few lines of config.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts'
import { ConfigError, type Problem } from '../../src/config/problem.ts'
import type { Environment } from '../../src/config/secrets.ts'

export interface FileSettings {
  /** Its ending decides the format. */
  name?: string
  environment?: Environment
  mode?: number
}

/** A file in a directory of its own, gone after the test. An object becomes JSON. */
export function writeConfig(
  content: string | object,
  { name = 'config.json', mode = 0o600 }: FileSettings = {},
): string {
  const directory = mkdtempSync(join(tmpdir(), 'sub2api-config-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2), { mode })
  return path
}

export function loadText(content: string | object, settings: FileSettings = {}): Promise<LoadedConfig> {
  return loadConfig(writeConfig(content, settings), settings.environment ?? {})
}

/** The error that a config fails with. */
export async function failureOf(content: string | object, settings: FileSettings = {}): Promise<ConfigError> {
  try {
    await loadText(content, settings)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the config was expected to fail, and loads')
}

/** `3:5 message`, in the order of the file. */
export function briefly(problems: readonly Problem[]): string[] {
  return problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

/** A token long enough to go without a warning. */
export const TOKEN = 'client-token-of-a-test'

/** A config that holds one account and nothing doubtful, for tests about that account. */
export function withAccount(account: object, more: object = {}): object {
  return { auth_tokens: [TOKEN], accounts: [{ name: 'a', api_key: 'sk-key', ...account }], ...more }
}
