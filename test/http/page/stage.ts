/**
 * The status page in front of a relay that says what the test wants it to say: the real page route, and the admin routes
 * as answers to be changed at any moment.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { addPageRoutes } from '../../../src/http/page-routes.ts'
import type { ActionView, AdminErrorView, ReloadView, StatusView } from '../../../src/http/views.ts'
import { sampleStatus } from './sample.ts'

export const ADMIN_TOKEN = 'an-admin-token-for-tests'

export interface PageStage {
  readonly url: string
  /** What the relay tells; a test replaces it. */
  status: StatusView
  /** Actions that arrived with the right token, as `POST /admin/…`. */
  readonly actions: string[]
  /** Every address that was asked for, with its query. */
  readonly addresses: string[]
  /** The next answer to `POST /admin/reload`. */
  reload: ReloadView
  /** Ends every connection and closes the port; `comeBack` opens the same one again. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
}

export async function startPageStage(): Promise<PageStage> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  addPageRoutes(app)
  const servePage = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  let port = 0
  let server: Server

  async function open(): Promise<void> {
    server = createServer((incoming, outgoing) => {
      stage.addresses.push(incoming.url ?? '')
      if (incoming.url?.startsWith('/admin/') === true) answerAdmin(stage, incoming, outgoing)
      else void servePage(incoming, outgoing)
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }

  const stage: PageStage = {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    status: sampleStatus(Date.now()),
    actions: [],
    addresses: [],
    reload: NOTHING_NEW,
    async goAway() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
    comeBack: open,
  }
  await open()
  return stage
}

function answerAdmin(stage: PageStage, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const send = (status: number, body: object): void => {
    outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const { authorization } = incoming.headers
  if (authorization !== `Bearer ${ADMIN_TOKEN}`) return send(401, UNKNOWN_TOKEN)
  if (incoming.method === 'GET') return send(200, stage.status)
  stage.actions.push(`${incoming.method} ${incoming.url}`)
  if (incoming.url === '/admin/reload') return send(200, stage.reload)
  const [, , , name = '', action = ''] = (incoming.url ?? '').split('/')
  const answer: ActionView = {
    account: decodeURIComponent(name),
    action: action as ActionView['action'],
    ok: true,
    message: `${action} done`,
  }
  send(200, answer)
}

const UNKNOWN_TOKEN: AdminErrorView = {
  error: { message: 'The relay does not know this token.', type: 'unauthorized' },
}

const NOTHING_NEW: ReloadView = {
  config: { path: 'config.json', loaded_at: '2026-11-21T00:00:00Z', generation: 1, rejected: null },
  changed: false,
  accounts: { added: [], removed: [], changed: [] },
  settings: [],
  needs_restart: [],
  warnings: [],
}
