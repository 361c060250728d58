/**
 * What the declarations of the verbs have in common: the config option, `--json`, and examples below the help.
 */
import { type Command, Option } from 'commander'
import { findConfig } from './find-config.ts'

/** The program, what hears the exit code of the verb that ran, and the way to add a verb. */
export interface Declaring {
  readonly program: Command
  readonly finish: (exitCode: number) => void
  /** A verb that reads the config. Each example is a whole line for a shell. */
  readonly declare: (name: string, description: string, ...examples: readonly string[]) => Command
}

/** What runs when no verb is named. */
const DEFAULT = 'serve'

export interface JsonOption {
  readonly json?: boolean
}

export function createDeclaring(program: Command, finish: Declaring['finish']): Declaring {
  program.addOption(configOption())
  return {
    program,
    finish,
    // With positional options those of the program end where the verb begins: the config may be named on either side.
    declare: (name, description, ...examples) =>
      describeCommand(program.command(name, { isDefault: name === DEFAULT }), description, ...examples).addOption(
        configOption(),
      ),
  }
}

/** Adds the description and the examples of a verb. */
export function describeCommand(command: Command, description: string, ...examples: readonly string[]): Command {
  command.description(description)
  if (examples.length === 0) return command
  return command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`)
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON')
}

/** The config as the user named it. */
export function namedConfig(command: Command): string | undefined {
  return command.optsWithGlobals<{ config?: string }>().config
}

/** The first name of all when there is no file, so that the error names it. */
export function configPath(command: Command): string {
  return namedConfig(command) ?? findConfig() ?? 'config.json'
}

function configOption(): Option {
  return new Option('-c, --config <path>', 'config file (default: the one in this directory, else your own)')
}
