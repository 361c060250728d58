/**
 * What a program on this machine needs of a config to talk to the relay that runs with it: its address and a credential.
 * The accounts stay closed, so that no password manager is asked for their secrets.
 */
import { dirname, resolve } from 'node:path'
import type { ClientToken } from '../core/account.ts'
import type { ListenAddress } from './addresses.ts'
import { readConfigInput, readListenAddress, readUsageLog } from './load.ts'
import { createSecretReader, type Environment } from './secrets.ts'
import { createTokens } from './tokens.ts'

export interface RelayAddress {
  /** As the config has it: port 0 means that nobody knows where the relay is. */
  readonly listen: ListenAddress
  readonly token: ClientToken
  /** For `/admin/*`; null when the config has none, and a client token will do on this machine. */
  readonly adminToken: string | null
  /** Absolute path of the journal of usage; null for none. */
  readonly usageLog: string | null
}

/** Throws ConfigError, as `loadConfig` would for the same file. */
export async function loadAddress(path: string, environment: Environment = process.env): Promise<RelayAddress> {
  const { input, report } = await readConfigInput(path)
  const readSecret = createSecretReader(dirname(resolve(path)), environment)
  const tokens = await createTokens(input.auth_tokens, readSecret, report)
  const listen = readListenAddress(input, report)
  report.throwIfUnusable()
  const admin = input.admin_token === undefined ? null : await readSecret(input.admin_token)
  return { listen, token: chooseToken(tokens), adminToken: admin?.text ?? null, usageLog: readUsageLog(path, input) }
}

/** A token without restrictions where there is one, else the first; a config has at least one. */
export function chooseToken(tokens: readonly ClientToken[]): ClientToken {
  const isFree = ({ models, accounts, limits }: ClientToken): boolean =>
    models.length + accounts.length === 0 && limits.expiresAt === null
  return tokens.find(isFree) ?? (tokens[0] as ClientToken)
}

/** `http://host:port` as a program on this machine reaches it. */
export function urlOf({ host, port }: ListenAddress): string {
  const reachable = host === null || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
