/**
 * A relay's keeper of tokens in a process of its own. Arguments: config and token URL. Waits for a line on stdin, asks
 * for the first account's access token, and prints it.
 */
import { once } from 'node:events'
import { loadConfig } from '../../src/config/load.ts'
import { createCredentialStore } from '../../src/config/store.ts'
import { createSystemClock } from '../../src/core/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { createUpstreamClient } from '../../src/io/upstream.ts'
import { createSignInClient, OPENAI } from '../../src/oauth/openai.ts'
import { createTokenKeeper } from '../../src/oauth/tokens.ts'

const [, , path = '', tokenUrl = ''] = process.argv
const clock = createSystemClock()
const { config } = await loadConfig(path, {})
const [account] = config.accounts
if (account === undefined) throw new Error('the config of the test has no account')
const client = createUpstreamClient({ connectTimeoutMs: 5_000 }, clock)
const log = createLog({ format: 'json', level: 'error', clock, secrets: [], hasColours: false, write: () => {} })
const keeper = createTokenKeeper({
  accounts: config.accounts,
  store: createCredentialStore({ path, tokenStore: 'config', configured: () => null, clock }),
  signInClient: createSignInClient({ provider: { ...OPENAI, tokenUrl }, client, clock }),
  clock,
  log,
  hide: log.hide,
  setProblem: () => {},
})

process.stdout.write('ready\n')
await once(process.stdin, 'data')
process.stdin.destroy()
await keeper.start()
process.stdout.write(`${(await keeper.current(account)).secret.reveal()}\n`)
await keeper.stop()
await client.close()
