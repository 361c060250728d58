/**
 * Sign-ins that are under way: who was sent to the vendor and may come back, once, within ten minutes. The callback port
 * is open only while somebody is expected.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Account } from '../core/account.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { CredentialStore } from '../core/credential-store.ts'
import type { Log } from '../io/log.ts'
import type { RelayServer } from '../io/serve.ts'
import { answerCallback } from './callback-page.ts'
import type { LoginResult } from './login-result.ts'
import type { LoginRequest, SignInClient, SignInRoute } from './openai.ts'
import { hideAnswer, mergeAnswer } from './refresh.ts'
import type { TokenAnswer } from './token-answer.ts'

/** Registered with the vendor for the usual client; the second one for when the first is taken. */
const CALLBACK_PORTS = [1455, 1457] as const
const CALLBACK_PATH = '/auth/callback'
const LOGIN_LIFE_MS = 10 * 60_000
const MOST_PENDING = 32
/** A page that is on its way when the port closes gets this long. */
const LAST_PAGE_MS = 1_000

export interface StartedLogin {
  /** The vendor's page to send the owner to. */
  readonly url: string
  /** Where the callback is awaited; null when both ports are taken and the callback URL has to be pasted. */
  readonly port: number | null
  /** Resolves when this login has succeeded or failed for good; null when its time is over. */
  readonly result: Promise<LoginResult | null>
}

export interface LoginDesk {
  /** Null when too many logins are pending. */
  begin(account: Account): Promise<StartedLogin | null>
  /** Takes what came back: the callback URL as the browser shows it. */
  complete(callbackUrl: string): Promise<LoginResult>
  /** Forgets all pending logins; resolves when the port is closed and its last page sent. */
  stop(): Promise<void>
}

export interface LoginDependencies {
  readonly signInClient: SignInClient
  readonly store: CredentialStore
  readonly clock: Clock
  readonly log: Log
  readonly hide: (secret: string) => void
  /** Opens the callback port on both loopback addresses. */
  readonly openPort: (port: number, listener: Listener) => Promise<RelayServer>
  /** Other than the registered ones in tests alone. */
  readonly ports?: readonly number[]
  /** Called when an account has new tokens on disk. */
  readonly onSignedIn: () => Promise<void>
}

type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void

interface PendingLogin {
  readonly account: Account
  readonly request: LoginRequest
  readonly redirectUri: string
  readonly expiry: Timer
  readonly settle: (result: LoginResult | null) => void
}

export function createLoginDesk(dependencies: LoginDependencies): LoginDesk {
  const { clock, signInClient, store, log } = dependencies
  const ports = dependencies.ports ?? CALLBACK_PORTS
  const pending = new Map<string, PendingLogin>()
  /** Logins that are just beginning or being exchanged: they need the door, too, and are not among the pending ones. */
  let underWay = 0
  let door: Promise<RelayServer | null> | null = null
  let closing: Promise<unknown> = Promise.resolve()

  /** One port for all pending logins. */
  function openDoor(): Promise<RelayServer | null> {
    door ??= (async () => {
      for (const port of ports) {
        try {
          const server = await dependencies.openPort(port, onCallback)
          if (server.missing !== 'EADDRINUSE') return server
          // Browsers try ::1 first for `localhost`, and somebody else would get the code.
          server.close()
          log.warn('callback_port.taken', { port, reason: 'EADDRINUSE on ::1' })
        } catch (error) {
          log.warn('callback_port.taken', { port, reason: (error as NodeJS.ErrnoException).code ?? String(error) })
        }
      }
      return null
    })()
    return door
  }

  function closeDoor(): void {
    if (pending.size + underWay > 0 || door === null) return
    closing = door.then((server) => server?.drain(LAST_PAGE_MS))
    door = null
  }

  function forget(state: string): void {
    pending.get(state)?.expiry.cancel()
    pending.delete(state)
    closeDoor()
  }

  function onCallback(incoming: IncomingMessage, outgoing: ServerResponse): void {
    void answerCallback(incoming, outgoing, CALLBACK_PATH, complete)
  }

  async function complete(callbackUrl: string): Promise<LoginResult> {
    const url = parseCallback(callbackUrl)
    const state = url?.searchParams.get('state') ?? ''
    const login = pending.get(state)
    if (url === null || login === undefined) {
      return { kind: 'refused', message: 'this sign-in is unknown, used or too old; start it again' }
    }
    if (url.searchParams.has('error')) return { kind: 'refused', message: 'the vendor did not grant the sign-in' }
    if (!url.searchParams.get('code')) return { kind: 'refused', message: 'the address holds no code' }
    // Single use: whoever comes second with the same state is refused.
    pending.delete(state)
    login.expiry.cancel()
    const result = await holdingDoor(() => exchange(login, url)).catch((error: unknown): LoginResult => {
      log.error('login.failed', { account: login.account.name, reason: String(error) })
      return { kind: 'failed', account: login.account.name, message: 'the sign-in broke off' }
    })
    login.settle(result)
    return result
  }

  async function holdingDoor<T>(work: () => Promise<T>): Promise<T> {
    underWay++
    try {
      return await work()
    } finally {
      underWay--
      closeDoor()
    }
  }

  async function exchange(login: PendingLogin, came: URL): Promise<LoginResult> {
    const { account, request } = login
    const { name } = account
    const callback = new URL(login.redirectUri)
    callback.search = came.search
    const outcome = { refusal: null as string | null, complaint: null as string | null }
    const keep = async (answer: TokenAnswer): Promise<void> => {
      hideAnswer(answer, dependencies)
      if (answer.nonce !== null && answer.nonce !== request.nonce)
        outcome.refusal = 'the answer belongs to another login'
      else if (answer.accessToken === null) outcome.refusal = 'the answer held no access token'
      else Object.assign(outcome, await save(name, answer))
    }
    const result = await signInClient.exchangeCode(routeOf(account), callback, request, keep)
    const failed = (message: string): LoginResult => {
      log.error('login.failed', { account: name, reason: message })
      return { kind: 'failed', account: name, message }
    }
    if (result.kind === 'rejected') return failed(`the vendor refused the code: ${result.code}`)
    if (result.kind === 'failed') return failed(result.message)
    if (outcome.refusal !== null) return failed(outcome.refusal)
    log.info('login.done', { account: name, plan: result.answer.plan, odd: result.judgement })
    await dependencies.onSignedIn()
    return { kind: 'signed_in', account: name, plan: result.answer.plan, complaint: outcome.complaint }
  }

  async function save(name: string, answer: TokenAnswer): Promise<{ refusal?: string; complaint?: string | null }> {
    const empty = { type: 'oauth', refreshToken: null, accessToken: null, expiresAt: 0, accountId: null } as const
    const saved = await store.save(name, mergeAnswer(empty, answer, clock), null)
    switch (saved.kind) {
      case 'kept':
        return { complaint: saved.complaint }
      case 'removed':
        return { refusal: 'the account is no longer in the config' }
      case 'failed':
        return { refusal: saved.reason }
      case 'overtaken':
        return { refusal: 'somebody else signed it in at the same moment' }
    }
  }

  async function begin(account: Account): Promise<StartedLogin> {
    const server = await openDoor()
    const port = server?.port ?? null
    const redirectUri = `http://localhost:${port ?? CALLBACK_PORTS[0]}${CALLBACK_PATH}`
    const request = await signInClient.prepareLogin(routeOf(account), redirectUri)
    let settle: PendingLogin['settle'] = () => {}
    const result = new Promise<LoginResult | null>((resolve) => {
      settle = resolve
    })
    const expiry = clock.timer(LOGIN_LIFE_MS, () => {
      forget(request.state)
      settle(null)
    })
    pending.set(request.state, { account, request, redirectUri, expiry, settle })
    log.info('login.started', { account: account.name, callback_port: port })
    return { url: request.url, port, result }
  }

  return {
    async begin(account) {
      if (pending.size + underWay >= MOST_PENDING) return null
      return holdingDoor(() => begin(account))
    },

    complete,

    async stop() {
      for (const [state, { settle }] of pending) {
        forget(state)
        settle(null)
      }
      closeDoor()
      await closing
    },
  }
}

function routeOf({ proxy, credential }: Account): SignInRoute {
  const clientId = credential.type === 'oauth' ? credential.clientId : undefined
  return { proxy, ...(clientId === undefined ? {} : { clientId }) }
}

/** The whole address, or what people copy of it: in quotes, from `/auth/callback`, from `?`, or from `code=` on. */
function parseCallback(text: string): URL | null {
  const trimmed = text.trim().replaceAll(/^["'<]+|["'>]+$/g, '')
  const query = trimmed.includes('?') ? trimmed.slice(trimmed.indexOf('?')) : `?${trimmed}`
  const url = new URL(`http://localhost${CALLBACK_PATH}`)
  url.search = query.split('#', 1)[0] ?? ''
  return url.searchParams.has('state') ? url : null
}
