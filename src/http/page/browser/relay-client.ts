/**
 * The page's way to the relay. A token is kept for this tab alone and sent in a header alone: an address or a cookie
 * would let other sites act with it.
 */
import type { ActionView, AdminErrorView, ReloadView, StatusView } from '../../views.ts'

export type Reading =
  | { readonly kind: 'view'; readonly view: StatusView; readonly serverNow: number }
  /** The token is none. */
  | { readonly kind: 'locked'; readonly message: string }
  | { readonly kind: 'silent'; readonly message: string }

export type Answer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly message: string }

export type AccountAction = ActionView['action']

const STORED_AS = 'relay-token'
const READ_PATIENCE_MS = 10_000
/** A test asks a model. */
const ACT_PATIENCE_MS = 90_000
const NO_ANSWER = 'The relay does not answer.'

export interface RelayClient {
  /** Null while this tab has none. */
  token(): string | null
  keep(token: string): void
  forget(): void
  read(token: string): Promise<Reading>
  act(account: string, action: AccountAction): Promise<Answer<ActionView>>
  reload(): Promise<Answer<ReloadView>>
}

export function createRelayClient(): RelayClient {
  const send = (method: string, path: string, token: string, patienceMs: number): Promise<Response> =>
    fetch(path, {
      method,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(patienceMs),
    })

  const keptToken = (): string | null => sessionStorage.getItem(STORED_AS)

  async function post<T>(path: string): Promise<Answer<T>> {
    try {
      const answer = await send('POST', path, keptToken() ?? '', ACT_PATIENCE_MS)
      if (answer.ok) return { kind: 'done', value: (await answer.json()) as T }
      return { kind: 'refused', message: await reasonOf(answer) }
    } catch {
      return { kind: 'refused', message: NO_ANSWER }
    }
  }

  return {
    token: keptToken,
    keep: (token) => sessionStorage.setItem(STORED_AS, token),
    forget: () => sessionStorage.removeItem(STORED_AS),

    async read(token) {
      try {
        const answer = await send('GET', '/admin/status', token, READ_PATIENCE_MS)
        if (answer.status === 401) return { kind: 'locked', message: 'The relay does not take this token.' }
        if (!answer.ok) return { kind: 'silent', message: await reasonOf(answer) }
        const view = (await answer.json()) as StatusView
        // The relay's clock, not this machine's: countdowns are about the relay's times.
        return { kind: 'view', view, serverNow: Date.parse(answer.headers.get('date') ?? '') || Date.now() }
      } catch {
        return { kind: 'silent', message: NO_ANSWER }
      }
    },

    act: (account, action) => post(`/admin/accounts/${encodeURIComponent(account)}/${action}`),
    reload: () => post('/admin/reload'),
  }
}

/** The relay's own words, where it is the relay that answers and not something in front of it. */
async function reasonOf(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => null)) as Partial<AdminErrorView> | null
  return body?.error?.message ?? `The answer was ${answer.status}.`
}
