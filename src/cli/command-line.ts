/**
 * From arguments to a verb: which there are, what they may be given, and which exit code the shell gets.
 */
import { existsSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { version } from '../core/version.ts'

/** Where a verb writes: results, and what is said about them. A line feed is added. */
export interface Output {
  print(text: string): void
  complain(text: string): void
}

export interface CheckOptions {
  readonly configPath: string
  /** Warnings and accounts that cannot serve count as failures. */
  readonly strict: boolean
  readonly json: boolean
}

export interface LoginOptions {
  readonly configPath: string
  /** Absent for the first account that lacks a sign-in. */
  readonly account: string | undefined
  /** False prints the address instead of opening it. */
  readonly browser: boolean
}

/** The work behind each verb. A failure is thrown; a number is the exit code. */
export interface Verbs {
  /** Resolves when the last request has been answered. */
  serve(options: { configPath: string }): Promise<void>
  check(options: CheckOptions, output: Output): Promise<number>
  login(options: LoginOptions, output: Output): Promise<number>
  schema(output: Output): Promise<void>
}

const FINE = 0
const FAILED = 1
const WRONG_USAGE = 2

/** `args` are those behind the program's name. Never throws; the exit code is 0, 1 (it failed) or 2 (wrong usage). */
export async function runCommandLine(args: readonly string[], verbs: Verbs, output: Output): Promise<number> {
  try {
    return await parseAndRun(args, verbs, output)
  } catch (error) {
    // Commander has printed its help or its complaint already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? FINE : WRONG_USAGE
    output.complain(explainFailure(error))
    return FAILED
  }
}

async function parseAndRun(args: readonly string[], verbs: Verbs, output: Output): Promise<number> {
  const result = { exitCode: FINE }
  const program = new Command('sub2api-simple')
    .description('A lightweight AI API relay: one config file, one command, one port.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.print(text.trimEnd()),
      writeErr: (text) => output.complain(text.trimEnd()),
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Run it with --help to see what there is.')
    .version(version, '-v, --version', 'print the version')
    .option('-c, --config <path>', 'config file (default: config.json, .yaml, .yml or .jsonc in this directory)')
  const configPath = (): string => program.opts<{ config?: string }>().config ?? findConfig()

  program
    .command('serve', { isDefault: true })
    .description('run the relay (the default)')
    // What no verb claims lands here.
    .allowExcessArguments()
    .action(async (_options, { args: [unknown] }: Command) => {
      if (unknown !== undefined) program.error(`error: there is no command '${unknown}'${hintAt(unknown)}`)
      await verbs.serve({ configPath: configPath() })
    })
  program
    .command('check')
    .description('read the config, tell what is wrong with it and which accounts are ready')
    .option('--strict', 'fail on warnings and on accounts that cannot serve')
    .option('--json', 'print JSON')
    .action(async ({ strict = false, json = false }: { strict?: boolean; json?: boolean }) => {
      result.exitCode = await verbs.check({ configPath: configPath(), strict, json }, output)
    })
  program
    .command('login')
    .argument('[account]', 'name of the account (default: the first that lacks a sign-in)')
    .description('sign in a ChatGPT account; works without a running relay')
    .option('--no-browser', 'print the address instead of opening it, as over SSH or in a container')
    .action(async (account: string | undefined, { browser }: { browser: boolean }) => {
      result.exitCode = await verbs.login({ configPath: configPath(), account, browser }, output)
    })
  program
    .command('schema')
    .description('print the JSON Schema of the config file')
    .action(() => verbs.schema(output))
  program
    .command('version')
    .description('print the version')
    .action(() => output.print(version))

  await program.parseAsync(args.map(doubleDash), { from: 'user' })
  return result.exitCode
}

/** A file in the place of a command is a config whose flag was forgotten. */
function hintAt(unknown: string): string {
  return /\.(jsonc?|ya?ml)$/i.test(unknown) ? `\n(Did you mean -config ${unknown}?)` : ''
}

/** The Go program's flags have one dash, which commander would read as a row of letters: `-config` as `-c onfig`. */
function doubleDash(argument: string): string {
  return argument.replace(/^-(?=[a-z]{2,}(?:=|$))/, '--')
}

const DEFAULT_PATHS = ['config.json', 'config.yaml', 'config.yml', 'config.jsonc'] as const

/** The config of the working directory; the first name when there is none, so that the error names it. */
export function findConfig(exists: (path: string) => boolean = existsSync): string {
  return DEFAULT_PATHS.find((path) => exists(path)) ?? DEFAULT_PATHS[0]
}

/** What somebody can mend is one sentence; a mistake of ours brings its stack along. */
function explainFailure(error: unknown): string {
  if (!(error instanceof Error)) return `sub2api-simple: ${String(error)}`
  if ('code' in error && error.code === 'CONFIG_UNUSABLE') return error.message
  const isOurMistake = [TypeError, RangeError, ReferenceError].some((kind) => error instanceof kind)
  return `sub2api-simple: ${isOurMistake ? (error.stack ?? error.message) : error.message}`
}
