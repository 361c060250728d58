/**
 * The clients as programs: where they are on this machine, how one gets them, and how one is started and ended.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { constants as system } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Environment } from '../config/secrets.ts'
import type { ClientName } from './client-names.ts'

const PACKAGES: Record<ClientName, string> = {
  claude: '@anthropic-ai/claude-code',
  codex: '@openai/codex',
  gemini: '@google/gemini-cli',
  opencode: 'opencode-ai',
}

/** The path of the client's program. Throws an Error that says how to install it. */
export function findProgram(client: ClientName, environment: Environment): string {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : ['']
  const candidates = folders.flatMap((folder) => endings.map((ending) => join(folder, client + ending)))
  const found = candidates.find(isProgram)
  if (found !== undefined) return found
  throw new Error(`${client} is not installed here. Install it with: npm install -g ${PACKAGES[client]}`)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/**
 * Runs a program on this terminal; resolves to its exit code when it has ended, 128 and the signal's number if a signal ended
 * it, as shells have it. Rejects when it cannot be started.
 */
export async function runProgram(path: string, args: readonly string[], environment: Environment): Promise<number> {
  const child = start(path, args, environment)
  const release = passSignalsOn(child)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : system.signals[signal])))
    })
  } finally {
    release()
  }
}

function start(path: string, args: readonly string[], env: Environment): ChildProcess {
  if (!path.endsWith('.cmd')) return spawn(path, args, { stdio: 'inherit', env })
  // Windows runs batch files through its shell alone, which reads what stands between quotes as one word.
  const words = [path, ...args].map((word) => `"${word.replaceAll('"', '\\"')}"`)
  return spawn(words.join(' '), { stdio: 'inherit', env, shell: true })
}

/**
 * At a terminal Ctrl-C reaches the client by itself, and a second one would mean something else to it: then it only must not
 * end the relay that the client is using. Returns what takes the listeners away.
 */
function passSignalsOn(child: ChildProcess): () => void {
  const listeners = SIGNALS.map((signal) => {
    const isTyped = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT')
    const listener = (): void => {
      if (!isTyped) child.kill(signal)
    }
    process.on(signal, listener)
    return [signal, listener] as const
  })
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}

const SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const
