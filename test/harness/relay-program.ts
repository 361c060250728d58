/**
 * A relay in a process of its own, with the same handles as one in this process. What only this process has (the virtual
 * clock, the pool's own numbers) it does not have: a story that reaches for it ends there, as not for a program.
 */
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { TestRunner, type TestContext } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'
import { binary, type StoryMeta } from './chosen-program.ts'
import { createDeferred, type Deferred } from './deferred.ts'
import { watchHealth } from './health-watch.ts'
import { assertNothingSecret } from './nothing-secret.ts'
import { type Run, spawnProgram } from './program.ts'
import type { RawExchange } from './raw-client.ts'
import type { TestRelay } from './relay.ts'

/** A line that the program writes behind an answer is here within this time, or there is none. */
const LOG_PATIENCE_MS = 500
/** Requests that were left are over by then. */
const IDLE_PATIENCE_MS = 3_000
const STOP_PATIENCE_MS = 3_000

export interface ProgramStage {
  readonly program: string
  readonly configPath: string
  /** Removed when the relay stops. */
  readonly folder: string
  readonly secrets: readonly string[]
  /** `post` and `get`, once the port is known. */
  readonly speak: (port: number) => Pick<TestRelay, 'post' | 'get'>
}

export async function startProgramRelay(stage: ProgramStage): Promise<TestRelay> {
  const run = spawnProgram([stage.program], ['-config', stage.configPath], { folder: stage.folder })
  let isAbandoned = false
  const needs = (what: string): never => {
    isAbandoned = true
    return skipForProgram(what)
  }
  const [, port = ''] = await run.until(/listening on \S+:(\d+)/)
  watchHealth(Number(port))
  const { post, get } = stage.speak(Number(port))
  const log = readLog(run)

  /** Resolves when the line about this answer is here, too: in one process it is written before the answer ends. */
  const logged = async (exchange: RawExchange): Promise<Awaited<RawExchange>> => {
    const answer = await exchange
    const id = answer.headers['x-relay-request-id'] ?? answer.headers['x-request-id']
    if (id !== undefined) await Promise.race([log.ended(id), passing(LOG_PATIENCE_MS)])
    return answer
  }

  const underWay = async (): Promise<Record<string, number>> => {
    const answer = await get('/health')
    const health = JSON.parse(answer.body.toString()) as { waiting: number; account_details: Array<{ active: number }> }
    return {
      leases: health.account_details.reduce((sum, { active }) => sum + active, 0),
      waiting: health.waiting,
    }
  }

  return {
    port: Number(port),
    url: `http://127.0.0.1:${port}`,
    configPath: stage.configPath,
    clock: {
      ...createSystemClock(),
      timer: () => needs('the virtual clock'),
      every: () => needs('the virtual clock'),
      advance: () => needs('the virtual clock'),
      jump: () => needs('the virtual clock'),
      sleepThrough: () => needs('the virtual clock'),
      get pending() {
        return needs('the virtual clock')
      },
    },
    get parts() {
      return needs('the parts of the relay')
    },
    get server() {
      return needs('the server object')
    },
    inFlight: () => needs('the numbers of the pool'),
    get log() {
      return log.lines
    },
    post: (...request) => {
      const exchange = post(...request)
      return Object.assign(logged(exchange), exchange)
    },
    get,
    async settled() {
      const endsAt = performance.now() + IDLE_PATIENCE_MS
      for (;;) {
        if (isAbandoned) return {}
        const left = await underWay()
        if (Object.values(left).every((count) => count === 0) || performance.now() > endsAt) return left
        await passing(10)
      }
    },
    async stop() {
      run.child.kill('SIGTERM')
      const ended = await Promise.race([run.exit, passing(isAbandoned ? 50 : STOP_PATIENCE_MS)])
      if (ended === undefined) run.child.kill('SIGKILL')
      await run.exit
      await rm(stage.folder, { recursive: true, force: true })
      assertNothingSecret(run.printed.stdout + run.printed.stderr, stage.secrets)
      if (ended !== undefined && ended.code !== 0) throw new Error(`the program ended with ${ended.code}`)
    },
  }
}

interface ProgramLog {
  readonly lines: Array<Record<string, unknown>>
  /** Resolves when the line that ends the request has been written. */
  ended(request: string): Promise<void>
}

/** Every line is read once: a story may make thousands of them. */
function readLog({ child }: Run): ProgramLog {
  const lines: Array<Record<string, unknown>> = []
  const ended = new Map<unknown, Deferred<void>>()
  const endOf = (request: unknown): Deferred<void> => {
    const known = ended.get(request) ?? createDeferred()
    ended.set(request, known)
    return known
  }
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (!text.startsWith('{')) return
    const line = JSON.parse(text) as Record<string, unknown>
    lines.push(line)
    if (line['event'] === 'request.end' || line['event'] === 'request.refused') endOf(line['request']).resolve()
  })
  return { lines, ended: (request) => endOf(request).promise }
}

function passing(ms: number): Promise<undefined> {
  return new Promise((resolve) => void setTimeout(() => resolve(undefined), ms))
}

/** False where many stories share a relay: it is then started in this process. */
export function isInStory(): boolean {
  return TestRunner.getCurrentTest() !== undefined
}

/** For a story that is about this process: it is not played against a program. */
export function onlyInThisProcess(because: string): void {
  if (binary !== undefined) skipForProgram(because)
}

/** Ends the story that is under way: it is not one for a program. */
export function skipForProgram(needed: string): never {
  const context = currentContext()
  const story = context.task.meta as StoryMeta
  story.program = true
  return context.skip(`needs ${needed}`)
}

function currentContext(): TestContext {
  const test = TestRunner.getCurrentTest()
  if (test === undefined) throw new Error('only a test can be skipped')
  return test.context
}
