/**
 * A process that does nothing but refresh one account, again and again, until it is killed: the victim of the kill
 * test. Arguments: config, token URL, and the step at which it kills itself (or `never`). Prints each step it reaches.
 */
import { writeSync } from 'node:fs'
import { loadConfig } from '../../src/config/load.ts'
import { createCredentialStore } from '../../src/config/store.ts'
import { createSystemClock } from '../../src/core/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { createUpstreamClient } from '../../src/io/upstream.ts'
import { createKeptSignIn } from '../../src/oauth/kept-sign-in.ts'
import { createSignInClient, OPENAI } from '../../src/oauth/openai.ts'
import { refreshSignIn } from '../../src/oauth/refresh.ts'

const [, , path = '', tokenUrl = '', deadlyStep = 'never'] = process.argv
const clock = createSystemClock()
const { config } = await loadConfig(path, {})
const [account] = config.accounts
if (account === undefined) throw new Error('the config of the kill test has no account')

const report = (word: string): void => void writeSync(1, `${word}\n`)
const store = createCredentialStore({
  path,
  tokenStore: 'config',
  configured: () => null,
  clock,
  checkpoint(step) {
    report(step)
    if (step === deadlyStep) process.kill(process.pid, 'SIGKILL')
  },
})
const client = createUpstreamClient({ connectTimeoutMs: 5_000 }, clock)
const log = createLog({ format: 'json', level: 'error', clock, secrets: [], hasColours: false, write: () => {} })
const signInClient = createSignInClient({ provider: { ...OPENAI, tokenUrl }, client, clock })

const kept = createKeptSignIn(account, clock)
report('ready')
for (;;) {
  await refreshSignIn(kept, { store, signInClient, clock, log, hide: () => {} })
  if (kept.trouble !== null) {
    report(`trouble ${kept.trouble}`)
    process.exit(1)
  }
  report('kept')
}
