/**
 * `init`: writes a first config that serves, and says what to do with it.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { userConfigPath } from './find-config.ts'
import { decideFirstConfig, type FirstConfig } from './first-config.ts'
import { writeFreshConfig } from './fresh-config.ts'
import type { Output } from './output.ts'
import { openTerminal } from './question.ts'

export interface InitOptions {
  readonly configPath: string
  readonly json: boolean
}

/** Throws an Error when there is such a file, when it cannot be written, and when there is nothing to write into it. */
export async function init({ configPath, json }: InitOptions, output: Output): Promise<number> {
  const path = resolve(configPath)
  // Before anything is asked.
  if (existsSync(path)) throw new Error(`${path} exists already; edit it, or name another file with -config`)
  const first = await decideFirstConfig({
    platform: null,
    environment: process.env,
    terminal: openTerminal(),
    mostQuestions: 3,
  })
  await writeFreshConfig(path, first.config)
  output.print(json ? toJson(path, first) : toText(path, configPath, first))
  return 0
}

function toJson(path: string, { config, signIn }: FirstConfig): string {
  const accounts = config.accounts.map(({ name }) => name)
  return JSON.stringify({ path, listen_addr: config.listen_addr, accounts, sign_in: signIn }, null, 2)
}

function toText(path: string, configPath: string, { config, said, signIn }: FirstConfig): string {
  const flag = configPath === 'config.json' ? '' : ` -config ${configPath}`
  const steps = [
    ...(signIn === null ? [] : [[`sub2api-simple login ${signIn}${flag}`, 'sign in']]),
    [`sub2api-simple check${flag}`, 'see what is ready'],
    [`sub2api-simple run${flag} claude`, 'start a client; or codex, gemini, opencode'],
    [`sub2api-simple${flag}`, 'run the relay for every client on this machine'],
  ] as const
  const width = Math.max(...steps.map(([command]) => command.length))
  return [
    `Wrote ${path}`,
    `It is readable by you alone, has a random token, and lets the relay listen on ${config.listen_addr}.`,
    ...said,
    '',
    ...steps.map(([command, purpose]) => `  ${command.padEnd(width)}   ${purpose}`),
    '',
    path === userConfigPath()
      ? 'It is found from every directory.'
      : `It is found in its own directory; in every one it would be as\n${userConfigPath()}`,
  ].join('\n')
}
