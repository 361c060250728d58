import { describe, expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.ts'
import type { Verbs } from '../../src/cli/verbs.ts'
import { ConfigError, fileProblem } from '../../src/config/problem.ts'
import { version } from '../../src/core/version.ts'

/** Runs a command line and tells what was done and written. */
async function run(args: string[], verbs: Partial<Verbs> = {}) {
  const done: unknown[] = []
  const written = { out: '', error: '' }
  const exitCode = await runCommandLine(
    args,
    {
      serve: async (options) => void done.push(['serve', options.configPath]),
      check: async ({ configPath, strict, json }) => {
        done.push(['check', configPath, strict, json])
        return 0
      },
      login: async ({ configPath, account, browser }) => {
        done.push(['login', configPath, account, browser])
        return 0
      },
      schema: async () => void done.push(['schema']),
      ...verbs,
    } as Verbs,
    {
      print: (text) => void (written.out += `${text}\n`),
      complain: (text) => void (written.error += `${text}\n`),
    },
  )
  return { exitCode, done, ...written }
}

describe('the config is named', () => {
  test.each([
    ['-config', 'x.json'],
    ['-config=x.json'],
    ['--config', 'x.json'],
    ['--config=x.json'],
    ['-c', 'x.json'],
    ['serve', '-config', 'x.json'],
    ['-config=x.json', 'serve'],
  ])('%s %s %s', async (...args) => {
    expect(await run(args)).toMatchObject({ exitCode: 0, done: [['serve', 'x.json']], error: '' })
  })

  test('before or behind another verb', async () => {
    const done = [['check', 'x.json', true, false]]

    expect(await run(['check', '-config', 'x.json', '--strict'])).toMatchObject({ exitCode: 0, done })
    expect(await run(['-config=x.json', 'check', '--strict'])).toMatchObject({ exitCode: 0, done })
  })

  test('a path that looks like a flag of ours stays a path', async () => {
    expect(await run(['-c', './-config'])).toMatchObject({ done: [['serve', './-config']] })
  })
})

describe('the exit code', () => {
  test.each([[['--help']], [['-h']], [['-help']], [['help']], [['check', '--help']]])(
    'of %j is 0, with help on the output',
    async (args) => {
      expect(await run(args)).toMatchObject({
        exitCode: 0,
        done: [],
        error: '',
        out: expect.stringContaining('--config'),
      })
    },
  )

  test.each([[['--version']], [['-v']], [['-version']], [['version']]])(
    'of %j is 0, with the version alone',
    async (args) => {
      expect(await run(args)).toMatchObject({ exitCode: 0, done: [], error: '', out: `${version}\n` })
    },
  )

  test.each([
    [['-config'], 'argument missing'],
    [['--confg', 'x'], "unknown option '--confg'"],
    [['-confg', 'x'], "unknown option '--confg'"],
    [['sevre'], "there is no command 'sevre'"],
    [['config.json'], '(Did you mean -config config.json?)'],
    [['check', '--stric'], "unknown option '--stric'"],
    [['check', 'config.json'], 'too many arguments'],
    [['schema', '--json'], "unknown option '--json'"],
  ])('of %j is 2, with one complaint', async (args, complaint) => {
    expect(await run(args)).toMatchObject({ exitCode: 2, done: [], out: '', error: expect.stringContaining(complaint) })
  })

  test('of a login goes with what was asked for', async () => {
    const done = [['login', 'x.json', 'plus', false]]

    expect(await run(['login', 'plus', '--no-browser', '-config', 'x.json'])).toMatchObject({ exitCode: 0, done })
    expect(await run(['login', 'one', 'two'])).toMatchObject({ exitCode: 2, done: [] })
  })

  test('of a client that is unknown, or missing, is 2', async () => {
    expect(await run(['run', 'emacs'])).toMatchObject({ exitCode: 2, error: expect.stringContaining('claude, codex') })
    expect(await run(['env'])).toMatchObject({
      exitCode: 2,
      error: expect.stringContaining("missing required argument 'client'"),
    })
  })

  test('is what the verb returns', async () => {
    expect((await run(['check'], { check: async () => 1 })).exitCode).toBe(1)
  })
})

describe("what stands behind the client of run is the client's", () => {
  const client = async (args: string[]) => {
    const asked: object[] = []
    const { exitCode } = await run(args, { run: async (options) => asked.push(options) - 1 })
    return { exitCode, ...asked[0] }
  }

  test.each([
    [['run', 'claude'], { client: 'claude', args: [] }],
    [['run', 'claude', '--help'], { client: 'claude', args: ['--help'] }],
    [['run', 'claude', '-print', '-c', 'x'], { client: 'claude', args: ['-print', '-c', 'x'] }],
    [['run', 'codex', 'exec', '--json', 'say hello'], { client: 'codex', args: ['exec', '--json', 'say hello'] }],
    [['run', '-config', 'x.json', 'gemini', '-c'], { client: 'gemini', configPath: 'x.json', args: ['-c'] }],
    [['-config=x.json', 'run', '--log', 'y', 'claude'], { client: 'claude', configPath: 'x.json', logPath: 'y' }],
  ])('%j', async (args, expected) => {
    expect(await client(args)).toMatchObject({ exitCode: 0, ...expected })
  })
})

test('every verb has help with an example', async () => {
  const { out } = await run(['--help'])
  const verbs = [...out.matchAll(/^ {2}(\w+) .*\[options\]/gm)].map(([, verb = '']) => verb)
  expect(verbs).toEqual(expect.arrayContaining(['serve', 'init', 'run', 'env', 'check', 'login']))
  for (const verb of verbs) expect((await run([verb, '--help'])).out).toContain('Examples:\n ')
})

function failWith(error: unknown) {
  return run(['serve'], { serve: () => Promise.reject(error) })
}

describe('a failure', () => {
  test('of the config is printed as it is', async () => {
    const error = new ConfigError([fileProblem('error', 'config.json', 'the file is empty', 'Write one.')])

    expect(await failWith(error)).toMatchObject({
      exitCode: 1,
      out: '',
      error: 'config.json: error: the file is empty\n  Write one.\n',
    })
  })

  test('of the system is one sentence', async () => {
    expect(await failWith(new Error('cannot listen on :80: no rights'))).toMatchObject({
      exitCode: 1,
      error: 'sub2api-simple: cannot listen on :80: no rights\n',
    })
  })

  test('of ours comes with the place it happened', async () => {
    const { exitCode, error } = await failWith(new TypeError('x is not a function'))

    expect(exitCode).toBe(1)
    expect(error).toMatch(/^sub2api-simple: TypeError: x is not a function\n {4}at .*command-line\.test\.ts/)
  })
})
