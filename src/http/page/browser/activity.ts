/**
 * Who uses the relay: tokens with their budgets, requests under way, and those that could not be served.
 */
import type { ErrorView, LiveRequestView, StatusView, TokenView } from '../../views.ts'
import { createGauges, type Gauge } from './gauges.ts'
import { createKeyedList } from './keyed-list.ts'
import { byId, part, setShown, setTexts } from './parts.ts'
import { countOf, dollars, momentName, roughly, span } from './words.ts'

/** `now` is the relay's time in epoch ms; `sinceMs` how old the view is. */
export function createActivity(now: () => number, sinceMs: () => number): (view: StatusView) => void {
  const showTokens = createKeyedList<TokenView>({
    container: byId('tokens'),
    template: 'token-row',
    keyOf: ({ name }) => name,
    create: (element) => {
      const showBudgets = createGauges(part(element, 'budgets'))
      return (token) => {
        setTexts(element, { name: token.name, pace: paceOf(token, now()) })
        showBudgets(budgetsOf(token, now()))
      }
    },
  })
  const showLive = createKeyedList<LiveRequestView>({
    container: byId('live'),
    template: 'live-row',
    keyOf: ({ request }) => request,
    create:
      (row) =>
      ({ age_ms: ageMs, client, model, account }) =>
        setTexts(row, { age: span(ageMs + sinceMs()), client, model: model ?? '–', account: account ?? 'waiting' }),
  })
  const showErrors = createKeyedList<ErrorView>({
    container: byId('errors'),
    template: 'error-row',
    keyOf: ({ request, at }) => `${request} ${at}`,
    create:
      (row) =>
      ({ at, status, client, account, model, message }) =>
        setTexts(row, {
          at: momentName(at),
          status: String(status),
          who: [client, model, account].filter((name) => name !== null).join(' · '),
          message,
        }),
  })

  return ({ tokens, live, errors }) => {
    showTokens(tokens)
    showLive(live)
    showErrors(errors)
    setShown(byId('no-live'), live.length === 0)
    setShown(byId('no-errors'), errors.length === 0)
  }
}

function paceOf({ limits, ...token }: TokenView, now: number): string {
  const of = (limit: number | null): string => (limit === null ? '' : ` of ${roughly(limit)}`)
  const expiry = limits.expires_at === null ? null : Date.parse(limits.expires_at) - now
  return [
    `${countOf(token.in_flight)}${of(limits.max_concurrency)} under way`,
    `${roughly(token.requests_last_minute)}${of(limits.rpm)} requests/min`,
    `${roughly(token.tokens_last_minute)}${of(limits.tpm)} tokens/min`,
    ...(expiry === null ? [] : [expiry <= 0 ? 'expired' : `expires in ${span(expiry)}`]),
  ].join(' · ')
}

function budgetsOf(token: TokenView, now: number): Gauge[] {
  const { budget_day: day, budget_month: month } = token.limits
  return [
    budget('Day', token.cost_day, day, Date.parse(token.day_resets_at) - now),
    budget('Month', token.cost_month, month, Date.parse(token.month_resets_at) - now),
  ]
}

function budget(label: string, spent: number, limit: number | null, leftMs: number): Gauge {
  if (limit === null) return { label, percent: null, value: dollars(spent), note: 'no budget' }
  return {
    label,
    percent: (spent / limit) * 100,
    value: `${dollars(spent)} of ${dollars(limit)}`,
    note: `resets in ${span(leftMs)}`,
  }
}
