/**
 * The command line's rim: hands the arguments to the verbs and their result to the shell. The only process.exit.
 *
 * Each verb is a file in cli/ that is loaded when it is asked for, so that `version` does not wait for a server.
 */
import { runCommandLine } from './cli/command-line.ts'
import type { Verbs } from './cli/verbs.ts'

const verbs: Verbs = {
  serve: async (options) => (await import('./cli/serve.ts')).serve(options),
  init: async (options, output) => (await import('./cli/init.ts')).init(options, output),
  importConfig: async (options, output) => (await import('./cli/import.ts')).importConfig(options, output),
  run: async (options, output) => (await import('./cli/run.ts')).run(options, output),
  env: async (options, output) => (await import('./cli/env.ts')).env(options, output),
  check: async (options, output) => (await import('./cli/check.ts')).check(options, output),
  login: async (options, output) => (await import('./cli/login.ts')).login(options, output),
  status: async (options, output) => (await import('./cli/status.ts')).status(options, output),
  usage: async (options, output) => (await import('./cli/usage.ts')).usage(options, output),
  models: async (options, output) => (await import('./cli/models.ts')).models(options, output),
  explain: async (options, output) => (await import('./cli/explain.ts')).explain(options, output),
  accounts: async (options, output) => (await import('./cli/accounts.ts')).accounts(options, output),
  reload: async (options, output) => (await import('./cli/reload.ts')).reload(options, output),
  completion: async (options, output) => (await import('./cli/completion.ts')).completion(options, output),
  schema: async (output) => (await import('./cli/schema.ts')).printSchema(output),
}

// Whoever reads our output may leave early, as in `schema | head`; that is no crash.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

const exitCode = await runCommandLine(process.argv.slice(2), verbs, {
  print: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`${text}\n`),
})

// A pipe takes its time: exiting before it has taken everything would cut the output short.
process.stdout.write('', () => process.exit(exitCode))
