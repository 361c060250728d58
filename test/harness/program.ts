/**
 * The program as a child process: a single binary where SUB2API_PROGRAM names one (`npm run e2e -- --binary …`,
 * `npm run faults -- --binary …`), else a bundle of these sources for this Node.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { afterAll, beforeAll, onTestFinished, TestRunner } from 'vitest'
import { bundleForNode } from './bundle.ts'
import { binary, type StoryMeta } from './chosen-program.ts'
import { createDeferred } from './deferred.ts'

export interface Run {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  /** Resolves when what it has printed matches; rejects when it ends before. */
  readonly until: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly printed: { readonly stdout: string; readonly stderr: string }
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export interface Program {
  /** A folder that is there for all tests of the file, and the program's home. */
  readonly folder: string
  /** How it is started, from within a test on. */
  command(): readonly string[]
  /** Starts it for one test; what is left of it then is killed. Its environment holds nothing but what is given here. */
  run(args: readonly string[], options?: { cwd?: string; env?: Record<string, string> }): Run
  /** The same at a terminal of 100 columns and 30 rows, whose screen is its standard output. */
  runAtTerminal: Program['run']
}

/** Terminals are made by a program of util-linux; other systems have one of the same name that takes other arguments. */
export const hasTerminals = process.platform === 'linux' && existsSync('/usr/bin/script')

/** To be called once in a test file, outside of its tests. */
export function useProgram(): Program {
  const folder = mkdtempSync(join(tmpdir(), 'program-'))
  let command: readonly string[] = []
  beforeAll(async () => {
    command = binary === undefined ? [process.execPath, await bundleForNode('src/cli.ts', folder)] : [binary]
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return {
    folder,
    command: () => command,
    run: (args, { cwd = folder, env = {} } = {}) => spawnProgram(command, args, { folder, cwd, env }),
    runAtTerminal(args, options = {}) {
      const line = [...command, ...args].map((word) => `'${word}'`).join(' ')
      const inside = `/usr/bin/stty columns 100 rows 30; exec ${line}`
      const terminal = ['/usr/bin/script', '--quiet', '--return', '--command', inside, '/dev/null']
      return spawnProgram(terminal, [], { folder, ...options })
    },
  }
}

/** Starts it for the test that is under way; what is left of it then is killed. */
export function spawnProgram(
  command: readonly string[],
  args: readonly string[],
  { folder, cwd = folder, env = {} }: { folder: string; cwd?: string; env?: Record<string, string> },
): Run {
  const story = (TestRunner.getCurrentTest()?.meta ?? {}) as StoryMeta
  story.program = binary !== undefined
  return watch(
    spawn(command[0] ?? '', [...command.slice(1), ...args], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: folder, ...env },
      stdio: 'pipe',
    }),
  )
}

function watch(child: Run['child']): Run {
  onTestFinished(() => void child.kill('SIGKILL'))
  const printed = { stdout: '', stderr: '' }
  const awaited = new Map<RegExp, ReturnType<typeof createDeferred<RegExpExecArray>>>()
  const check = (): void => {
    for (const [pattern, seen] of awaited) {
      const match = pattern.exec(printed.stdout + printed.stderr)
      if (match === null) continue
      awaited.delete(pattern)
      seen.resolve(match)
    }
  }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (text: Buffer) => {
      printed[name] += text.toString()
      check()
    })
  }
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      for (const [pattern, seen] of awaited) seen.reject(new Error(`it ended without ${pattern}:\n${printed.stderr}`))
      resolve({ code, signal })
    })
  })
  return {
    child,
    printed,
    exit,
    until(pattern) {
      const seen = createDeferred<RegExpExecArray>()
      // Whoever stopped waiting has seen what ended the test.
      seen.promise.catch(() => {})
      awaited.set(pattern, seen)
      check()
      return seen.promise
    },
  }
}
