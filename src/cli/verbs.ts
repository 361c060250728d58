/**
 * The work behind each verb, as the command line knows it: what it is given, and what comes of it. A failure is thrown;
 * a number is the exit code.
 */
import type { AccountsOptions } from './accounts.ts'
import type { CheckOptions } from './check.ts'
import type { CompletionOptions } from './completion.ts'
import type { EnvOptions } from './env.ts'
import type { ExplainOptions } from './explain.ts'
import type { ImportOptions } from './import.ts'
import type { InitOptions } from './init.ts'
import type { LoginOptions } from './login.ts'
import type { ModelsOptions } from './models.ts'
import type { Output } from './output.ts'
import type { ReloadOptions } from './reload.ts'
import type { RunOptions } from './run.ts'
import type { StatusOptions } from './status.ts'
import type { UsageOptions } from './usage.ts'

type Verb<Options> = (options: Options, output: Output) => Promise<number>

export interface Verbs {
  /** Resolves when the last request has been answered. */
  serve(options: { configPath: string }): Promise<void>
  readonly init: Verb<InitOptions>
  readonly importConfig: Verb<ImportOptions>
  readonly run: Verb<RunOptions>
  readonly env: Verb<EnvOptions>
  readonly check: Verb<CheckOptions>
  readonly login: Verb<LoginOptions>
  readonly status: Verb<StatusOptions>
  readonly usage: Verb<UsageOptions>
  readonly models: Verb<ModelsOptions>
  readonly explain: Verb<ExplainOptions>
  readonly accounts: Verb<AccountsOptions>
  readonly reload: Verb<ReloadOptions>
  readonly completion: Verb<CompletionOptions>
  schema(output: Output): Promise<void>
}
