/**
 * `reload`: makes the running relay read its config again, and tells what changed.
 */
import type { ReloadView } from '../http/views.ts'
import { printable } from '../core/printable.ts'
import type { Output } from './output.ts'
import { findRunningRelay } from './running-relay.ts'

export interface ReloadOptions {
  readonly configPath: string
  readonly json: boolean
}

/** The exit code is 1 when the file was rejected. Throws ConfigError, and an Error when the relay cannot be asked. */
export async function reload({ configPath, json }: ReloadOptions, output: Output): Promise<number> {
  const relay = await findRunningRelay(configPath)
  const view = await relay.post<ReloadView>('/admin/reload', PATIENCE_MS)
  output.print(json ? JSON.stringify(view, null, 2) : toText(view).map(printable).join('\n'))
  return view.config.rejected === null ? 0 : 1
}

/** Secrets may come from commands that ask somebody. */
const PATIENCE_MS = 90_000

function toText({ config, changed, accounts, settings, needs_restart, warnings }: ReloadView): string[] {
  if (config.rejected !== null) return [`${config.path} was not taken: ${config.rejected}`]
  const changes = [
    ['new accounts', accounts.added],
    ['removed accounts', accounts.removed],
    ['changed accounts', accounts.changed],
    ['new in force', settings],
    ['need a new start', needs_restart],
  ] as const
  return [
    ...warnings,
    changed ? `${config.path} is in force.` : `${config.path} says what is in force already.`,
    ...changes.filter(([, names]) => names.length > 0).map(([what, names]) => `  ${what}: ${names.join(', ')}`),
  ]
}
