/**
 * The real program as a child process, watching itself: what runners put under load, attack and kill.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../src/core/json.ts'
import { createDeferred } from '../harness/deferred.ts'

export const TOKEN = 'a-client-token-of-a-runner'

/** What the program tells of itself, once a second. */
export interface ProgramState {
  readonly open: number
  readonly calls: number
  readonly slots: number
  readonly waiting: number
  readonly watched: number
  readonly timers: number
  readonly sockets: number
  readonly rss_mib: number
  readonly heap_mib: number
  readonly loop_p99_ms: number
  readonly loop_max_ms: number
  readonly checks: number
  readonly violations: number
}

export interface Program {
  readonly child: ChildProcess
  readonly port: number
  /** Every state it has told. */
  readonly states: readonly ProgramState[]
  /** The next state that it tells. */
  nextState(): Promise<ProgramState>
  /** Lines of its log at level error. */
  readonly errors: readonly string[]
  /** Asks it to end and resolves to its exit code; null when it had to be killed. */
  stop(): Promise<number | null>
}

export interface ProgramOptions {
  /** The bundle to run: dist/cli.js, or one that a test made. */
  readonly cli: string
  /** Where the config goes. */
  readonly folder: string
  readonly settings: JsonObject
  /** Called with everything it prints. */
  readonly onOutput?: (text: string) => void
  readonly isWatching?: boolean
}

const PATIENCE_MS = 20_000

/** Resolves when it listens. Rejects with what it printed when it ends instead. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { cli, folder, settings, onOutput = () => {}, isWatching = true } = options
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'config.json')
  const log = { format: 'json', level: 'info' }
  const config = { listen_addr: '127.0.0.1:0', auth_tokens: [TOKEN], log, ...settings }
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
  const env = { PATH: process.env['PATH'], HOME: folder, ...(isWatching ? { SUB2API_ASSERT: '1' } : {}) }
  const child = spawn(process.execPath, [cli, '-config', path], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const port = createDeferred<number>()
  const states: ProgramState[] = []
  const errors: string[] = []
  let next = createDeferred<ProgramState>()
  let complaints = ''
  let rest = ''

  child.stdout.on('data', (bytes: Buffer) => {
    const text = rest + bytes.toString()
    onOutput(text.slice(rest.length))
    const lines = text.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.includes('"event":"assert.state"')) {
        const state = JSON.parse(line) as ProgramState
        states.push(state)
        next.resolve(state)
        next = createDeferred()
      } else if (line.includes('"level":"error"')) errors.push(line)
    }
  })
  child.stderr.on('data', (bytes: Buffer) => {
    onOutput(bytes.toString())
    complaints += bytes.toString()
    const [, found] = /listening on [^\n]*?:(\d+)[^\n]*\n/.exec(complaints) ?? []
    if (found !== undefined) port.resolve(Number(found))
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  void ended.then((code) => {
    const error = new Error(`the program ended with ${code}: ${complaints.slice(-2_000)}`)
    port.reject(error)
    next.reject(error)
  })
  // Whoever waits for neither need not know.
  next.promise.catch(() => {})

  return {
    child,
    port: await port.promise,
    states,
    errors,
    nextState: () => next.promise,
    async stop() {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
      const code = await ended
      clearTimeout(force)
      return code
    },
  }
}
