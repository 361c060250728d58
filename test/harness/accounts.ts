/**
 * Accounts and clients for tests that need no config file: a name is enough, everything else has a plain default.
 */
import { type Account, type ClientToken, NO_LIMITS } from '../../src/core/account.ts'
import { Secret } from '../../src/core/secret.ts'

export function makeAccount(name: string, facts: Partial<Account> = {}): Account {
  return {
    name,
    platform: 'anthropic',
    type: 'api_key',
    credential: { type: 'api_key', key: new Secret(`key-${name}`) },
    baseUrl: null,
    wireApi: 'responses',
    proxy: null,
    priority: 50,
    concurrency: 3,
    rpm: 0,
    models: [],
    modelMap: new Map(),
    tags: [],
    enabled: true,
    headers: {},
    extraParams: {},
    reservePercent: 0,
    pauseAtPercent: 100,
    problem: null,
    ...facts,
  }
}

export function makeClient(name: string, facts: Partial<ClientToken> = {}): ClientToken {
  return {
    name,
    token: new Secret(`token-of-${name}`),
    accounts: [],
    models: [],
    modelMap: new Map(),
    loopbackOnly: false,
    limits: NO_LIMITS,
    ...facts,
  }
}
