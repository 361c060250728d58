/**
 * `/admin/*`: how the relay is and what its owner can do about it, as plain JSON. For whoever has the admin token, and for
 * clients on this machine; never for web pages of another origin. Nothing here reads or writes a secret.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError, invalidRequest, retryAfterSeconds } from '../core/errors.ts'
import type { Log } from '../io/log.ts'
import type { Act, ActionName } from './account-actions.ts'
import { readQuestion, readUsageQuestion } from './admin-query.ts'
import { newRequestId, unknownPath } from './door.ts'
import { explain } from './explain.ts'
import { type Guard, isForeignPage } from './guard.ts'
import { sendJson } from './reply.ts'
import { pathOf, queryOf } from './request-target.ts'
import { createStatusViews, type ViewDependencies } from './status-view.ts'
import { timeOf } from './account-view.ts'
import { viewTotals } from './usage-views.ts'
import type { AdminErrorView, ReloadView, UsageView } from './views.ts'

export interface AdminDependencies extends ViewDependencies {
  readonly guard: Guard
  readonly log: Log
  readonly actions: Readonly<Record<ActionName, Act>>
  readonly reload: (trigger: string) => Promise<ReloadView>
}

/** Answers every request below `/admin/`. Never throws. */
export type AdminListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void

export function createAdmin(dependencies: AdminDependencies): AdminListener {
  const { config, pool, recorder, clock, guard, log, actions, redact } = dependencies
  const views = createStatusViews(dependencies)

  /** `GET`: the path behind `/admin/` to what it shows. */
  const shown = new Map<string, (query: URLSearchParams) => unknown>([
    ['status', views.status],
    ['accounts', views.accounts],
    ['sessions', views.sessions],
    ['errors', views.errors],
    ['explain', (query) => explain(readQuestion(query, config.tokens), config.modelMap, pool, { clock, redact })],
    ['usage', showUsage],
  ])

  function showUsage(query: URLSearchParams): UsageView {
    const { by, since } = readUsageQuestion(query, clock.now())
    return { by, since: timeOf(since), totals: recorder.totals(by, since).map(viewTotals) }
  }

  async function answer(incoming: IncomingMessage): Promise<unknown> {
    if (isForeignPage(incoming)) throw forbidden('web pages of another origin may not steer the relay')
    const caller = guard.identifyAdmin(incoming)
    if (caller === null) throw unauthorized()
    const path = pathOf(incoming)
    const parts = path.split('/').slice(2).map(decode)
    const show = shown.get(parts.join('/'))
    if (show !== undefined) {
      requireMethod(incoming, ['GET', 'HEAD'])
      return show(queryOf(incoming))
    }
    if (parts.length === 1 && parts[0] === 'reload') {
      requireMethod(incoming, ['POST'])
      log.info('admin.reload', { by: caller })
      return dependencies.reload(`asked for by ${caller}`)
    }
    const [resource, name = '', action = ''] = parts
    if (resource !== 'accounts' || parts.length !== 3 || !Object.hasOwn(actions, action)) throw unknownPath(incoming)
    requireMethod(incoming, ['POST'])
    return act(action as ActionName, name, caller)
  }

  async function act(action: ActionName, name: string, caller: string): Promise<unknown> {
    const state = pool.states.find(({ account }) => account.name === name)
    if (state === undefined) {
      throw new GatewayError({ kind: 'not_found', message: `the config has no account "${name.slice(0, 100)}"` })
    }
    const { ok, message } = await actions[action](state)
    const told = redact(message)
    log[ok ? 'info' : 'warn'](`account.${action}`, { account: name, by: caller, ok, result: told })
    return { account: name, action, ok, message: told }
  }

  return (incoming, outgoing) => {
    const requestId = newRequestId()
    answer(incoming).then(
      (value) => sendJson(outgoing, requestId, 200, value),
      (cause: unknown) => {
        const error =
          cause instanceof GatewayError
            ? cause
            : new GatewayError({ kind: 'internal', message: 'a fault in the relay', cause })
        refuse(outgoing, error, requestId)
        const path = pathOf(incoming).slice(0, 200)
        const reason = error.kind === 'internal' ? String((cause as Error)?.stack ?? cause) : error.message
        log.warn('admin.refused', {
          request: requestId,
          method: incoming.method,
          path,
          status: outgoing.statusCode,
          reason,
        })
      },
    )
  }
}

function refuse(outgoing: ServerResponse, error: GatewayError, requestId: string): void {
  if (outgoing.headersSent || outgoing.destroyed) return
  const view: AdminErrorView = { error: { message: error.message, type: error.kind } }
  if (error.kind === 'unauthorized') outgoing.setHeader('www-authenticate', 'Bearer')
  if (error.retryAfterMs !== undefined) outgoing.setHeader('retry-after', retryAfterSeconds(error.retryAfterMs))
  sendJson(outgoing, requestId, error.status, view)
}

function requireMethod(incoming: IncomingMessage, allowed: readonly string[]): void {
  if (allowed.includes(incoming.method ?? '')) return
  throw new GatewayError({ kind: 'method_not_allowed', message: `this path takes ${allowed.join(', ')} requests` })
}

/** Names of accounts may hold anything. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw invalidRequest('the path is not encoded as it should be')
  }
}

function unauthorized(): GatewayError {
  return new GatewayError({
    kind: 'unauthorized',
    message:
      'send the admin_token of the config as "Authorization: Bearer …"; on this machine one of its auth_tokens will do',
  })
}

function forbidden(message: string): GatewayError {
  return new GatewayError({ kind: 'forbidden', message })
}
