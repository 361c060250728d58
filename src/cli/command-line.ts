/**
 * From arguments to a verb and from its end to an exit code for the shell.
 */
import { Command, CommanderError } from 'commander'
import { version } from '../core/version.ts'
import { declareCommands } from './commands.ts'
import type { Output } from './output.ts'
import type { Verbs } from './verbs.ts'

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
    .showHelpAfterError('Run it with --help to see what there is.')
    .version(version, '-v, --version', 'print the version')
    // What stands behind the client's name in `run claude --help` is the client's.
    .enablePositionalOptions()
  declareCommands(program, verbs, output, (exitCode) => {
    result.exitCode = exitCode
  })
  await program.parseAsync(doubleDashes(args), { from: 'user' })
  return result.exitCode
}

/**
 * The Go program's flags have one dash, which commander would read as a row of letters: `-config` as `-c onfig`. What is
 * meant for a client behind `run` stays as it is.
 */
function doubleDashes(args: readonly string[]): string[] {
  const run = args.indexOf('run')
  const client = run < 0 ? args.length : args.findIndex((each, position) => position > run && !each.startsWith('-'))
  return args.map((each, position) =>
    client >= 0 && position > client ? each : each.replace(/^-(?=[a-z]{2,}(?:=|$))/, '--'),
  )
}

/** What somebody can mend is one sentence; a mistake of ours brings its stack along. */
function explainFailure(error: unknown): string {
  if (!(error instanceof Error)) return `sub2api-simple: ${String(error)}`
  if ('code' in error && error.code === 'CONFIG_UNUSABLE') return error.message
  const isOurMistake = [TypeError, RangeError, ReferenceError].some((kind) => error instanceof kind)
  return `sub2api-simple: ${isOurMistake ? (error.stack ?? error.message) : error.message}`
}
