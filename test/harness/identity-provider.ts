/**
 * A fake identity provider with true rotation: every refresh token works once, a second use revokes its whole family,
 * and every token that was handed out is on record, so that a lost one can be counted.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { IdentityProvider } from '../../src/oauth/openai.ts'
import { listen } from './listener.ts'

/** One sign-in and everything that came of it. */
export interface Family {
  readonly accountId: string
  /** Every refresh token handed out, the newest last. */
  readonly refreshTokens: readonly string[]
  readonly accessTokens: readonly string[]
  /** The refresh token that works now; null once a spent one was presented. */
  readonly current: string | null
}

export interface TokenRequest {
  readonly form: URLSearchParams
  readonly headers: IncomingMessage['headers']
}

/** What to do with the next token request instead of granting it plainly. */
export type Reaction =
  /** Changes the fields of the answer; a field set to undefined is left out. */
  | { readonly kind: 'change'; readonly fields: Record<string, unknown> }
  | { readonly kind: 'refuse'; readonly status: number; readonly body: unknown }
  /** Grants, but the answer waits for the promise. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** Rotates, then drops the connection: the provider itself loses the token. */
  | { readonly kind: 'lose' }
  /** Grants, and drops the connection behind the last brace, before the answer has its announced length. */
  | { readonly kind: 'cut' }

export interface FakeIdentityProvider extends IdentityProvider {
  readonly url: string
  readonly requests: readonly TokenRequest[]
  /** Signs somebody in without a browser; returns the first refresh token. */
  signIn(accountId: string): string
  familyOf(accountId: string): Family
  /** Takes this refresh token again, as a provider with a grace period would. */
  forgive(accountId: string, refreshToken: string): void
  /** The next token requests meet these, one each. */
  script(...reactions: Reaction[]): void
  /** Follows the authorize URL as a browser would; returns the callback URL. */
  authorize(url: string, accountId: string): Promise<URL>
  readonly close: () => Promise<void>
}

interface MutableFamily {
  accountId: string
  refreshTokens: string[]
  accessTokens: string[]
  current: string | null
}

/**
 * `lifeSeconds` is the life of access tokens; `label` begins every token, so that a test can grep for them; `name` is the
 * issuer its id tokens claim, its own address if none is given.
 */
export async function startIdentityProvider({
  lifeSeconds = 3600,
  label = 'secret',
  name = '',
} = {}): Promise<FakeIdentityProvider> {
  const families = new Map<string, MutableFamily>()
  const codes = new Map<string, URLSearchParams & { accountId?: string }>()
  const requests: TokenRequest[] = []
  const reactions: Reaction[] = []
  let serial = 0

  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', issuer())
    if (url.pathname === '/oauth/authorize') return authorize(url, outgoing)
    if (url.pathname !== '/oauth/token' || incoming.method !== 'POST') return void outgoing.writeHead(404).end()
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => void answer(new URLSearchParams(Buffer.concat(chunks).toString()), incoming, outgoing))
  })
  const listener = await listen((socket) => server.emit('connection', socket))
  const issuer = (): string => `http://127.0.0.1:${listener.port}`

  function authorize({ searchParams }: URL, outgoing: ServerResponse): void {
    const code = `code-${++serial}`
    codes.set(code, searchParams)
    const target = new URL(searchParams.get('redirect_uri') ?? '')
    target.search = String(new URLSearchParams({ code, state: searchParams.get('state') ?? '' }))
    outgoing.writeHead(302, { location: target.href }).end()
  }

  async function answer(form: URLSearchParams, { headers }: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    requests.push({ form, headers })
    const reaction = reactions.shift()
    if (reaction?.kind === 'refuse') return send(outgoing, reaction.status, reaction.body)
    const granted = form.get('grant_type') === 'refresh_token' ? rotate(form) : exchange(form)
    if (typeof granted === 'string') return send(outgoing, 400, { error: { code: granted, message: 'no' } })
    if (reaction?.kind === 'hold') await reaction.until
    if (reaction?.kind === 'lose') return void outgoing.destroy()
    if (reaction?.kind === 'cut') {
      const text = JSON.stringify(granted)
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) + 2 })
      return void outgoing.write(text, () => outgoing.destroy())
    }
    send(outgoing, 200, reaction?.kind === 'change' ? { ...granted, ...reaction.fields } : granted)
  }

  function rotate(form: URLSearchParams): object | string {
    const presented = form.get('refresh_token') ?? ''
    const family = [...families.values()].find(({ refreshTokens }) => refreshTokens.includes(presented))
    if (family === undefined) return 'invalid_grant'
    if (family.current !== presented) {
      family.current = null
      return 'refresh_token_reused'
    }
    return issue(family, null)
  }

  function exchange(form: URLSearchParams): object | string {
    const asked = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    const isSame =
      asked?.get('redirect_uri') === form.get('redirect_uri') && asked?.get('client_id') === form.get('client_id')
    if (asked === undefined || !isSame || asked.get('code_challenge') !== challenge) return 'invalid_grant'
    const family = { accountId: asked.accountId ?? 'acc-login', refreshTokens: [], accessTokens: [], current: null }
    families.set(family.accountId, family)
    return issue(family, asked.get('nonce'))
  }

  function issue(family: MutableFamily, nonce: string | null): object {
    const refreshToken = `${label}-rt-${family.accountId}-${++serial}`
    const accessToken = `${label}-at-${family.accountId}-${serial}`
    family.refreshTokens.push(refreshToken)
    family.accessTokens.push(accessToken)
    family.current = refreshToken
    return {
      access_token: accessToken,
      refresh_token: refreshToken,
      token_type: 'Bearer',
      expires_in: lifeSeconds,
      id_token: idToken(name === '' ? issuer() : name, family.accountId, nonce === null ? {} : { nonce }),
    }
  }

  return {
    url: issuer(),
    issuer: issuer(),
    authorizeUrl: `${issuer()}/oauth/authorize`,
    tokenUrl: `${issuer()}/oauth/token`,
    requests,
    signIn(accountId) {
      const family: MutableFamily = { accountId, refreshTokens: [], accessTokens: [], current: null }
      families.set(accountId, family)
      issue(family, null)
      return family.current as string
    },
    familyOf(accountId) {
      const family = families.get(accountId)
      if (family === undefined) throw new Error(`nobody signed in as ${accountId}`)
      return family
    },
    forgive(accountId, refreshToken) {
      const family = families.get(accountId)
      if (family === undefined) return
      family.refreshTokens.splice(family.refreshTokens.indexOf(refreshToken) + 1)
      family.current = refreshToken
    },
    script: (...next) => void reactions.push(...next),
    async authorize(url, accountId) {
      const { searchParams } = new URL(url)
      const code = `code-${++serial}`
      codes.set(code, Object.assign(new URLSearchParams(searchParams), { accountId }))
      const target = new URL(searchParams.get('redirect_uri') ?? '')
      target.search = String(new URLSearchParams({ code, state: searchParams.get('state') ?? '' }))
      return target
    },
    async close() {
      server.close()
      await listener.close()
    },
  }
}

/** An unsigned id token of this provider, with claims added or replaced. Times are those of the virtual clock. */
export function idToken(issuer: string, accountId: string, claims: Record<string, unknown> = {}): string {
  const now = Math.floor(Date.UTC(2026, 10, 20, 12) / 1000)
  const payload = {
    iss: issuer,
    aud: 'app_EMoamEEZ73f0CkXaXp7hrann',
    sub: 'somebody',
    iat: now,
    exp: now + 3600,
    'https://api.openai.com/auth': { chatgpt_account_id: accountId, chatgpt_plan_type: 'plus' },
    ...claims,
  }
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(payload)}.${Buffer.from('signature').toString('base64url')}`
}

function send(outgoing: ServerResponse, status: number, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  outgoing
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text)
}
