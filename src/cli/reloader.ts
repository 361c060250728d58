/**
 * Puts a changed config into force while the relay serves: read and judged as a whole first, then applied at once, or not
 * at all. One at a time.
 */
import type { RelayConfig } from '../config/config.ts'
import { compareConfigs, type ConfigDifference, isEmptyDifference } from '../config/difference.ts'
import type { LoadedConfig } from '../config/load.ts'
import { ConfigError, formatProblem, type Problem } from '../config/problem.ts'
import type { Clock } from '../core/clock.ts'
import type { ConfigView, ReloadView } from '../http/views.ts'
import type { Log } from '../io/log.ts'

export interface Reloader {
  readonly describe: () => ConfigView
  /** Reads everything anew, what the file refers to as well. `trigger` says in the log why. Never rejects. */
  readonly reload: (trigger: string) => Promise<ReloadView>
  /** The file may have changed: reloads when it says something else. Never rejects. */
  readonly look: () => Promise<void>
}

export interface ReloaderDependencies {
  /** What is in force. */
  readonly config: RelayConfig
  /** Of the text that is in force; null makes the first look a reload. */
  readonly outline: string | null
  readonly load: () => Promise<LoadedConfig>
  /** The outline of what the file says now; null when it cannot be read. */
  readonly readOutline: () => Promise<string | null>
  /** Puts a config into force. */
  readonly apply: (config: RelayConfig) => void
  /** Sign-ins may be others than before. */
  readonly reloadSignIns: () => Promise<void>
  readonly clock: Clock
  readonly log: Log
  /** Shows a problem as the command line does, with its line and a caret. */
  readonly complain: (text: string) => void
}

const NOTHING: ConfigDifference = {
  accounts: { added: [], removed: [], changed: [] },
  settings: [],
  needsRestart: [],
}

export function createReloader(dependencies: ReloaderDependencies): Reloader {
  const { clock, log } = dependencies
  let { config, outline } = dependencies
  /** Of the text that was rejected last: the same text has nothing new to say. */
  let rejectedOutline: string | null = null
  let view: ConfigView = { path: config.path, loaded_at: now(), generation: 1, rejected: null }
  let turn: Promise<unknown> = Promise.resolve()

  function now(): string {
    return new Date(clock.now()).toISOString()
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work)
    turn = result.catch(() => {})
    return result
  }

  async function reload(trigger: string): Promise<ReloadView> {
    try {
      const loaded = await dependencies.load()
      const difference = compareConfigs(config, loaded.config)
      const isChanged = !isEmptyDifference(difference)
      // Also what makes no difference here may: tokens that the file only refers to.
      dependencies.apply(loaded.config)
      config = loaded.config
      outline = loaded.outline
      rejectedOutline = null
      const wasRejected = view.rejected !== null
      if (isChanged) view = { ...view, loaded_at: now(), generation: view.generation + 1, rejected: null }
      else view = { ...view, rejected: null }
      tell(trigger, difference, isChanged, wasRejected, loaded.warnings)
      await dependencies.reloadSignIns()
      return report(isChanged, difference, loaded.warnings)
    } catch (error) {
      reject(trigger, error)
      rejectedOutline = await dependencies.readOutline()
      return report(false, NOTHING, [])
    }
  }

  function tell(
    trigger: string,
    { accounts, settings, needsRestart }: ConfigDifference,
    isChanged: boolean,
    wasRejected: boolean,
    warnings: readonly Problem[],
  ): void {
    const facts = { because: trigger, generation: view.generation }
    if (isChanged) log.info('config.reloaded', { ...facts, ...withoutEmpty({ ...accounts, settings }) })
    else log.info('config.unchanged', wasRejected ? { ...facts, rejected: 'no longer' } : facts)
    if (needsRestart.length > 0) {
      log.warn('config.needs_restart', {
        keys: needsRestart,
        advice: 'they take effect when the relay is started anew',
      })
    }
    for (const warning of warnings) dependencies.complain(formatProblem(warning))
  }

  function reject(trigger: string, error: unknown): void {
    const problems = error instanceof ConfigError ? error.problems.filter(({ severity }) => severity === 'error') : []
    const [first] = problems
    const reason = problems.length === 0 ? String(error) : problems.map(oneLine).join('; ')
    view = { ...view, rejected: reason }
    log.error('config.rejected', {
      because: trigger,
      place: first === undefined ? undefined : `${first.file}:${first.line}:${first.column}`,
      problem: first?.message ?? reason,
      advice: first === undefined || first.advice === '' ? undefined : first.advice,
      more: problems.length > 1 ? problems.length - 1 : undefined,
      in_force: 'the config from before',
    })
    dependencies.complain(error instanceof Error ? error.message : String(error))
  }

  function report(changed: boolean, difference: ConfigDifference, warnings: readonly Problem[]): ReloadView {
    const { accounts, settings, needsRestart } = difference
    return { config: view, changed, accounts, settings, needs_restart: needsRestart, warnings: warnings.map(oneLine) }
  }

  return {
    describe: () => view,
    reload: (trigger) => inTurn(() => reload(trigger)),
    look: () =>
      inTurn(async () => {
        const found = await dependencies.readOutline()
        const isKnown = found !== null && found === (view.rejected === null ? outline : rejectedOutline)
        // The relay writes renewed tokens into the file; so do other programs that share it.
        if (isKnown) await dependencies.reloadSignIns()
        else await reload('the file was changed')
      }).catch((error: unknown) => log.error('config.crashed', { error: String(error) })),
  }
}

/** Without excerpt: the text may go to a page or a terminal far away. */
function oneLine({ file, line, column, message, advice }: Problem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  return `${place}: ${message}${advice === '' ? '' : ` (${advice.replaceAll(/\s+/g, ' ')})`}`
}

function withoutEmpty(lists: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(lists).filter(([, names]) => names.length > 0))
}
