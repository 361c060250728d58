/**
 * The verbs that look into a running relay or act on it, as people type them.
 */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../core/duration.ts'
import type { ActionView, UsageView } from '../http/views.ts'
import { configPath, type Declaring, jsonOption, type JsonOption } from './declaration.ts'
import type { ProtocolName } from './explain.ts'
import type { Output } from './output.ts'
import type { Verbs } from './verbs.ts'

export function declareCommandsOfRelay(declaring: Declaring, verbs: Verbs, output: Output): void {
  declareStatus(declaring, verbs, output)
  declareUsage(declaring, verbs, output)
  declareModels(declaring, verbs, output)
  declareActions(declaring, verbs, output)
}

function declareStatus({ declare, finish }: Declaring, verbs: Verbs, output: Output): void {
  declare(
    'status',
    'accounts of the running relay, their limits, and the last errors',
    'sub2api-simple status',
    'sub2api-simple status --watch',
    'sub2api-simple status --json | jq .accounts',
  )
    .option('--watch', 'follow it on the whole terminal until q is pressed')
    .addOption(jsonOption())
    .action(async ({ watch = false, json = false }: JsonOption & { watch?: boolean }, command: Command) => {
      finish(await verbs.status({ configPath: configPath(command), watch, json }, output))
    })
}

function declareUsage({ declare, finish }: Declaring, verbs: Verbs, output: Output): void {
  declare(
    'usage',
    'requests, tokens and cost',
    'sub2api-simple usage',
    'sub2api-simple usage --by token --since 30d',
    'sub2api-simple usage --by model --csv > usage.csv',
  )
    .addOption(
      new Option('--by <what>', 'a line for each').choices(['day', 'account', 'token', 'model']).default('day'),
    )
    .addOption(new Option('--since <time>', 'how far back').argParser(readSince).default('7d'))
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .addOption(jsonOption())
    .action(async (options: JsonOption & { by: UsageView['by']; since: string; csv?: boolean }, command: Command) => {
      const { by, since, csv = false, json = false } = options
      const format = csv ? 'csv' : json ? 'json' : 'table'
      finish(await verbs.usage({ configPath: configPath(command), by, since, format }, output))
    })
}

function readSince(text: string): string {
  if ((parseDuration(text) ?? 0) > 0) return text
  throw new InvalidArgumentError('Write a time such as 7d or 12h.')
}

function declareModels({ declare, finish }: Declaring, verbs: Verbs, output: Output): void {
  declare('models', 'every name that can be asked for', 'sub2api-simple models', 'sub2api-simple models --explain')
    .option('--explain', 'through which account and mapping, too')
    .addOption(jsonOption())
    .action(async ({ explain = false, json = false }: JsonOption & { explain?: boolean }, command: Command) => {
      finish(await verbs.models({ configPath: configPath(command), explain, json }, output))
    })
  declare(
    'explain',
    'who would serve a model now, in which order, and why the others would not',
    'sub2api-simple explain claude-sonnet-5-5',
    'sub2api-simple explain gpt-5.5 --protocol responses',
  )
    .argument('<model>', 'name of the model, as a client asks for it')
    .addOption(
      new Option('--protocol <name>', 'the way in which it is asked')
        .choices(['messages', 'responses', 'chat', 'gemini'])
        .default('messages'),
    )
    .addOption(jsonOption())
    .action(async (model: string, options: JsonOption & { protocol: ProtocolName }, command: Command) => {
      const { protocol, json = false } = options
      finish(await verbs.explain({ configPath: configPath(command), model, protocol, json }, output))
    })
}

function declareActions({ declare, finish }: Declaring, verbs: Verbs, output: Output): void {
  const actions = new Argument('<action>', 'what to do').choices(['pause', 'resume', 'clear', 'refresh', 'test'])
  declare(
    'accounts',
    'act on an account of the running relay: pause and resume it, clear its rests, refresh its sign-in, test it',
    'sub2api-simple accounts pause plus',
    'sub2api-simple accounts test plus',
  )
    .addArgument(actions)
    .argument('<name>', 'name of the account')
    .addOption(jsonOption())
    .action(async (action: ActionView['action'], account: string, { json = false }: JsonOption, command: Command) => {
      finish(await verbs.accounts({ configPath: configPath(command), action, account, json }, output))
    })
  declare('reload', 'make the running relay read its config again', 'sub2api-simple reload')
    .addOption(jsonOption())
    .action(async ({ json = false }: JsonOption, command: Command) => {
      finish(await verbs.reload({ configPath: configPath(command), json }, output))
    })
}
