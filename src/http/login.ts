/**
 * `GET /auth/login?account=`: sends the owner of a ChatGPT account to the vendor's sign-in. Open to the person at this
 * machine; from elsewhere it takes the one-time ticket that the relay printed in its terminal, because whoever signs in
 * decides through whose account everybody's prompts go.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Account } from '../core/account.ts'
import { renderPage } from '../core/page.ts'
import { createTokenMatcher } from '../core/secret.ts'
import type { LoginDesk } from '../oauth/login.ts'
import { isLocalUser } from './guard.ts'
import { queryOf } from './request-target.ts'

export interface LoginRoute {
  handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>
  /** A ticket for one login from another machine. */
  issueTicket(): string
}

export interface LoginRouteDependencies {
  /** The accounts that can sign in, by the config that is in force. */
  readonly accounts: () => readonly Account[]
  readonly desk: LoginDesk
}

const MOST_TICKETS = 64

export function createLoginRoute({ accounts, desk }: LoginRouteDependencies): LoginRoute {
  const tickets: string[] = []

  function mayStart(incoming: IncomingMessage, presented: string | null): boolean {
    if (isLocalUser(incoming)) return true
    const found = presented === null ? -1 : createTokenMatcher(tickets).find(presented)
    if (found >= 0) tickets.splice(found, 1)
    return found >= 0
  }

  return {
    async handle(incoming, outgoing) {
      // Whatever only looks at links must not start sign-ins.
      if (incoming.method !== 'GET') return sendPage(outgoing, 405, 'Not possible', 'This address can only be opened.')
      const query = queryOf(incoming)
      if (!mayStart(incoming, query.get('ticket'))) {
        const text =
          'A sign-in can be started on the machine the relay runs on: open the link that it printed there, or run "sub2api-simple login".'
        return sendPage(outgoing, 421, 'Not from here', text)
      }
      const name = query.get('account')
      const account = name === null ? accounts()[0] : accounts().find((each) => each.name === name)
      if (account === undefined) {
        const status = name === null ? 400 : 404
        return sendPage(
          outgoing,
          status,
          'No such account',
          'The config has no ChatGPT account of that name to sign in with.',
        )
      }
      const login = await desk.begin(account)
      if (login === null) {
        return sendPage(
          outgoing,
          429,
          'Too many sign-ins',
          'Finish one of those that were started, or wait ten minutes.',
        )
      }
      if (login.port === null) {
        const text = `The ports 1455 and 1457 are taken on the relay's machine. Run there: sub2api-simple login ${account.name} --no-browser`
        return sendPage(outgoing, 503, 'No port for the way back', text)
      }
      outgoing
        .writeHead(302, {
          location: login.url,
          'cache-control': 'no-store',
          'referrer-policy': 'no-referrer',
          'content-length': 0,
        })
        .end()
    },

    issueTicket() {
      const ticket = randomBytes(18).toString('base64url')
      tickets.push(ticket)
      if (tickets.length > MOST_TICKETS) tickets.shift()
      return ticket
    },
  }
}

function sendPage(outgoing: ServerResponse, status: number, title: string, text: string): void {
  const { headers, body } = renderPage(title, text)
  outgoing.writeHead(status, headers).end(outgoing.req.method === 'HEAD' ? undefined : body)
}
