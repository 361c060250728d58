/**
 * Bars with a name, a value and a remark: quota windows of accounts, budgets of tokens.
 */
import { createKeyedList } from './keyed-list.ts'
import { part, setTexts } from './parts.ts'

export interface Gauge {
  readonly label: string
  /** 0 to 100; null for what has no limit, and so no bar. */
  readonly percent: number | null
  readonly value: string
  readonly note: string
}

const WARN_PERCENT = 80
const FULL_PERCENT = 97

export function createGauges(container: Element): (gauges: readonly Gauge[]) => void {
  return createKeyedList<Gauge>({
    container,
    template: 'gauge',
    keyOf: ({ label }) => label,
    create: (element) => {
      const fill = part(element, 'fill')
      return ({ percent, ...texts }) => {
        setTexts(element, texts)
        const share = Math.min(100, Math.max(0, percent ?? 0))
        element.dataset['level'] =
          percent === null ? 'none' : share >= FULL_PERCENT ? 'full' : share >= WARN_PERCENT ? 'high' : 'low'
        // Moves nothing else: a transform takes no part in the layout.
        fill.style.transform = `scaleX(${share / 100})`
      }
    },
  })
}
