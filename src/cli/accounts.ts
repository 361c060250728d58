/**
 * `accounts <action> <name>`: acts on an account of the running relay.
 */
import type { ActionView } from '../http/views.ts'
import { printable } from '../core/printable.ts'
import type { Output } from './output.ts'
import { findRunningRelay } from './running-relay.ts'

export interface AccountsOptions {
  readonly configPath: string
  readonly action: ActionView['action']
  readonly account: string
  readonly json: boolean
}

/** The exit code is 1 when it was tried in vain. Throws ConfigError, and an Error when the relay refuses or cannot be asked. */
export async function accounts(
  { configPath, action, account, json }: AccountsOptions,
  output: Output,
): Promise<number> {
  const relay = await findRunningRelay(configPath)
  const path = `/admin/accounts/${encodeURIComponent(account)}/${action}`
  const done = await relay.post<ActionView>(path, PATIENCE_MS)
  output.print(json ? JSON.stringify(done, null, 2) : printable(`${done.account}: ${done.message}`))
  return done.ok ? 0 : 1
}

/** A test and a refresh wait for the vendor. */
const PATIENCE_MS = 90_000
