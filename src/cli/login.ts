/**
 * `login [account]`: signs a ChatGPT account in, with a browser on this machine or by pasting the address that any other
 * browser ends up at. Needs no running relay; one that runs takes the new sign-in over within seconds.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { loadConfig } from '../config/load.ts'
import { createCredentialStore, recoverConfig } from '../config/store.ts'
import type { Account, SignIn } from '../core/account.ts'
import { createSystemClock } from '../core/clock.ts'
import { createLog } from '../io/log.ts'
import { listen } from '../io/serve.ts'
import { createUpstreamClient } from '../io/upstream.ts'
import { createLoginDesk, type LoginDesk, type StartedLogin } from '../oauth/login.ts'
import type { LoginResult } from '../oauth/login-result.ts'
import { createSignInClient, type IdentityProvider, OPENAI } from '../oauth/openai.ts'
import { canSignIn } from '../oauth/kept-accounts.ts'
import type { Output } from './output.ts'

export interface LoginOptions {
  readonly configPath: string
  /** Absent for the first account that lacks a sign-in. */
  readonly account: string | undefined
  /** False prints the address instead of opening it. */
  readonly browser: boolean
}

/** What a test replaces. */
export interface LoginSurroundings {
  readonly identityProvider?: IdentityProvider
  readonly ports?: readonly number[]
  readonly input?: NodeJS.ReadableStream
  readonly openBrowser?: (url: string) => void
}

/** The exit code: 0 when the account is signed in. Throws ConfigError, and an Error when there is no such account. */
export async function login(
  { configPath, account: name, browser }: LoginOptions,
  output: Output,
  surroundings: LoginSurroundings = {},
): Promise<number> {
  const clock = createSystemClock()
  await recoverConfig(configPath, clock).catch(() => {})
  const { config } = await loadConfig(configPath)
  const account = chooseAccount(config.accounts, name)
  const client = createUpstreamClient({ connectTimeoutMs: config.connectTimeoutMs }, clock)
  const log = createLog({
    format: 'pretty',
    level: 'error',
    clock,
    secrets: [],
    hasColours: false,
    write: (line) => output.complain(line.trimEnd()),
  })
  const signInOf = (wanted: string): SignIn | null => {
    const credential = config.accounts.find((each) => each.name === wanted)?.credential
    return credential?.type === 'oauth' ? credential : null
  }
  const desk = createLoginDesk({
    signInClient: createSignInClient({ provider: surroundings.identityProvider ?? OPENAI, client, clock }),
    store: createCredentialStore({ path: config.path, tokenStore: config.tokenStore, configured: signInOf, clock }),
    clock,
    log,
    hide: log.hide,
    openPort: (port, listener) => listen({ host: '127.0.0.1', port, clock, listener }),
    onSignedIn: () => Promise.resolve(),
    ...(surroundings.ports === undefined ? {} : { ports: surroundings.ports }),
  })
  try {
    const started = await desk.begin(account)
    if (started === null) throw new Error('too many sign-ins are under way')
    explain(account, started, browser, output)
    if (browser && started.port !== null) (surroundings.openBrowser ?? openBrowser)(started.url)
    return report(await waitForResult(started, desk, surroundings.input ?? process.stdin, output), output)
  } finally {
    await desk.stop()
    await client.close()
  }
}

function chooseAccount(accounts: readonly Account[], name: string | undefined): Account {
  const able = accounts.filter(canSignIn)
  const names = able.map((account) => account.name).join(', ')
  if (name !== undefined) {
    const found = able.find((account) => account.name === name)
    if (found !== undefined) return found
    const named = accounts.find((account) => account.name === name)
    if (named?.problem != null) throw new Error(`the account ${name} cannot sign in: ${named.problem}`)
    throw new Error(
      named === undefined
        ? `the config has no account ${name}${names === '' ? '' : `; there are: ${names}`}`
        : `the account ${name} has no sign-in; only accounts with "platform": "openai" and "type": "oauth" have one`,
    )
  }
  const chosen = able.find(({ problem }) => problem !== null) ?? able[0]
  if (chosen === undefined) {
    throw new Error(
      'the config has no account to sign in with; add {"name": "chatgpt", "platform": "openai", "type": "oauth"}',
    )
  }
  return chosen
}

function explain({ name }: Account, { url, port }: StartedLogin, browser: boolean, output: Output): void {
  output.print(`Signing in the account ${name}. Open this address in a browser:\n\n${url}\n`)
  if (port === null)
    output.print('The ports 1455 and 1457 are taken, so the browser will end up at a page that does not load.')
  if (port !== null && browser) output.print('Waiting for the browser to come back.')
  output.print('When it ends up at an address that does not load, paste that address here and press Enter:')
}

/** Whichever comes first: the browser at the callback port, a pasted address, or the end of the ten minutes. */
async function waitForResult(
  started: StartedLogin,
  desk: LoginDesk,
  input: NodeJS.ReadableStream,
  output: Output,
): Promise<LoginResult | null> {
  const lines = createInterface({ input, terminal: false })
  // Lines are taken in order, and a wrong one costs nothing.
  lines.on('line', (line) => {
    if (line.trim() === '') return
    void desk.complete(line).then((result) => {
      if (result.kind === 'refused') output.print(`That does not work: ${result.message}. Paste the whole address.`)
    })
  })
  try {
    return await started.result
  } finally {
    lines.close()
  }
}

function report(result: LoginResult | null, output: Output): number {
  if (result?.kind === 'signed_in') {
    const plan = result.plan === null ? '' : ` (${result.plan})`
    output.print(`Signed in: ${result.account}${plan}.`)
    if (result.complaint !== null) output.print(`The tokens are in token_state.json, because ${result.complaint}.`)
    return 0
  }
  output.complain(
    result === null
      ? 'Nobody came back within ten minutes. Run the command again.'
      : `Not signed in: ${result.message}. Run the command again.`,
  )
  return 1
}

/** A browser that cannot be opened is no trouble: the address has been printed. */
function openBrowser(url: string): void {
  const [command, parameters] = BROWSER_COMMANDS[process.platform] ?? ['xdg-open', []]
  const child = spawn(command, [...parameters, url], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}

const BROWSER_COMMANDS: Partial<Record<NodeJS.Platform, readonly [command: string, parameters: readonly string[]]>> = {
  darwin: ['open', []],
  win32: ['rundll32', ['url.dll,FileProtocolHandler']],
}
