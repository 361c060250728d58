/**
 * What is above everything else: how the relay is as a whole, and the figures of the day.
 */
import type { AccountView, StatusView } from '../../views.ts'
import { inputOf, NOTHING } from './day-chart.ts'
import { createKeyedList } from './keyed-list.ts'
import { byId, part, setText, setTexts } from './parts.ts'
import { countOf, dollars, roughly, span } from './words.ts'

interface Tile {
  readonly label: string
  readonly value: string
  readonly note: string
}

export function createOverview() {
  const summary = byId('summary')
  const showTiles = createKeyedList<Tile>({
    container: byId('tiles'),
    template: 'tile',
    keyOf: ({ label }) => label,
    create: (element) => (tile) => setTexts(element, { ...tile }),
  })

  function say(state: string, text: string): void {
    summary.dataset['state'] = state
    setText(part(summary, 'text'), text)
    document.title = `${text} · sub2api-simple`
  }

  return {
    say,
    /** In words, how all accounts are together. */
    summarize: (accounts: readonly AccountView[]) => say(...summaryOf(accounts)),
    show(view: StatusView, now: number): void {
      const today = view.days.find(({ key }) => key === view.today) ?? NOTHING
      const uptime = span(now - Date.parse(view.started_at))
      setText(byId('about'), `${view.version} · up ${uptime}`)
      const busy = view.accounts.reduce((sum, account) => sum + account.in_flight, 0)
      showTiles([
        {
          label: 'Under way',
          value: countOf(busy),
          note: `${countOf(view.waiting)} waiting`,
        },
        { label: 'Requests today', value: countOf(today.requests), note: `${countOf(today.failures)} failed` },
        {
          label: 'Tokens today',
          value: roughly(inputOf(today) + today.output),
          note: `${roughly(inputOf(today))} in · ${roughly(today.output)} out`,
        },
        { label: 'Cost today', value: dollars(today.cost), note: `${countOf(today.unpriced)} unpriced` },
      ])
    },
  }
}

/** State and words for all accounts together. */
function summaryOf(accounts: readonly AccountView[]): [state: string, text: string] {
  const inUse = accounts.filter(({ state }) => state !== 'disabled')
  const ready = inUse.filter(({ state }) => state === 'ok').length
  if (inUse.length === 0) return ['needs_attention', 'No account in use']
  if (ready === 0) return ['needs_attention', 'No account is ready']
  const needsOwner = inUse.some(({ state }) => state === 'needs_attention')
  if (ready === inUse.length) return ['ok', ready === 1 ? 'Ready' : `All ${ready} ready`]
  return [needsOwner ? 'needs_attention' : 'cooling', `${ready} of ${inUse.length} ready`]
}
