/**
 * The verbs as people type them: arguments, options, help and examples. The work is in the file of each verb.
 */
import { Argument, type Command, Option } from 'commander'
import { version } from '../core/version.ts'
import { CLIENT_NAMES, type ClientName, SETTINGS_NAMES, type SettingsName } from './client-names.ts'
import { declareCommandsOfRelay } from './commands-of-relay.ts'
import type { CompletedShell } from './completion.ts'
import { configPath, createDeclaring, type Declaring, describeCommand, namedConfig } from './declaration.ts'
import { jsonOption, type JsonOption } from './declaration.ts'
import type { ShellLanguage } from './env.ts'
import type { Output } from './output.ts'
import type { Verbs } from './verbs.ts'

/** Adds every verb to `program`; `finish` hears the exit code of the one that runs. */
export function declareCommands(program: Command, verbs: Verbs, output: Output, finish: Declaring['finish']): void {
  const declaring = createDeclaring(program, finish)
  declareServe(declaring, verbs)
  declareStart(declaring, verbs, output)
  declareConfig(declaring, verbs, output)
  declareCommandsOfRelay(declaring, verbs, output)
  declareRest(declaring, verbs, output)
}

function declareServe({ program, declare }: Declaring, verbs: Verbs): void {
  declare('serve', 'run the relay (the default)', 'sub2api-simple -config config.json')
    // What no verb claims lands here.
    .allowExcessArguments()
    .action(async (_options, command: Command) => {
      const [unknown] = command.args
      if (unknown !== undefined) program.error(`error: there is no command '${unknown}'${hintAt(unknown)}`)
      await verbs.serve({ configPath: configPath(command) })
    })
}

/** A file in the place of a command is a config whose flag was forgotten. */
function hintAt(unknown: string): string {
  return /\.(jsonc?|ya?ml)$/i.test(unknown) ? `\n(Did you mean -config ${unknown}?)` : ''
}

/** From nothing to an answer. */
function declareStart({ declare, finish }: Declaring, verbs: Verbs, output: Output): void {
  declare('init', 'write a first config, with at most three questions', 'sub2api-simple init')
    .addOption(jsonOption())
    .action(async ({ json = false }: JsonOption, command: Command) => {
      finish(await verbs.init({ configPath: namedConfig(command) ?? 'config.json', json }, output))
    })
  declare(
    'import',
    'write a config that does what the one of claude-code-router or CLIProxyAPI did',
    'sub2api-simple import ~/.claude-code-router/config.json',
    'sub2api-simple import ~/cliproxyapi/config.yaml -config relay.json',
  )
    .argument('<file>', 'the config of the other relay; it is left as it is')
    .addOption(jsonOption())
    .action(async (file: string, { json = false }: JsonOption, command: Command) => {
      finish(await verbs.importConfig({ file, json, configPath: namedConfig(command) ?? 'config.json' }, output))
    })
  declare(
    'run',
    'start a client that the relay serves; sets up what is missing, and changes no file of the client',
    'sub2api-simple run claude',
    'sub2api-simple run codex exec "explain this repository"',
    'sub2api-simple run --log relay.log gemini',
  )
    .addArgument(new Argument('<client>', 'which one').choices(CLIENT_NAMES))
    .argument('[arguments...]', "the client's own")
    .option('--log <file>', 'append what the relay logs to this file; without it the relay is silent')
    .passThroughOptions()
    .action(async (client: ClientName, args: string[], { log }: { log?: string }, command: Command) => {
      finish(await verbs.run({ client, args, configPath: namedConfig(command), logPath: log ?? null }, output))
    })
  declare(
    'env',
    'print the settings that lead a client to the relay',
    'eval "$(sub2api-simple env claude)"',
    'sub2api-simple env codex',
    'sub2api-simple env openai --shell fish | source',
  )
    .addArgument(new Argument('<client>', 'for which one').choices(SETTINGS_NAMES))
    .addOption(new Option('--shell <shell>', 'in whose language').choices(['sh', 'fish', 'powershell']).default('sh'))
    .addOption(jsonOption())
    .action(async (client: SettingsName, options: JsonOption & { shell: ShellLanguage }, command: Command) => {
      const { shell, json = false } = options
      finish(await verbs.env({ client, shell, json, configPath: configPath(command) }, output))
    })
}

function declareConfig({ program, declare, finish }: Declaring, verbs: Verbs, output: Output): void {
  declare(
    'check',
    'read the config, tell what is wrong with it and which accounts are ready',
    'sub2api-simple check',
    'sub2api-simple check --online',
  )
    .option('--online', 'make one tiny request per account, and tell what mends those that fail')
    .option('--strict', 'fail on warnings and on accounts that cannot serve')
    .addOption(jsonOption())
    .action(async (options: JsonOption & { online?: boolean; strict?: boolean }, command: Command) => {
      const { online = false, strict = false, json = false } = options
      finish(await verbs.check({ configPath: configPath(command), online, strict, json }, output))
    })
  declare(
    'login',
    'sign in a ChatGPT account; works without a running relay',
    'sub2api-simple login',
    'sub2api-simple login plus --no-browser',
  )
    .argument('[account]', 'name of the account (default: the first that lacks a sign-in)')
    .option('--no-browser', 'print the address instead of opening it, as over SSH or in a container')
    .action(async (account: string | undefined, { browser }: { browser: boolean }, command: Command) => {
      finish(await verbs.login({ configPath: configPath(command), account, browser }, output))
    })
  describeCommand(
    program.command('schema'),
    'print the JSON Schema of the config file',
    'sub2api-simple schema > config.schema.json',
  ).action(() => verbs.schema(output))
}

function declareRest({ program, finish }: Declaring, verbs: Verbs, output: Output): void {
  describeCommand(
    program.command('completion'),
    'print a script by which a shell completes these commands',
    'source <(sub2api-simple completion bash)',
    'sub2api-simple completion zsh > "${fpath[1]}/_sub2api-simple"',
    'sub2api-simple completion fish > ~/.config/fish/completions/sub2api-simple.fish',
  )
    .addArgument(new Argument('<shell>', 'for which one').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: CompletedShell) => {
      finish(await verbs.completion({ shell, program }, output))
    })
  program
    .command('version')
    .description('print the version')
    .action(() => output.print(version))
}
