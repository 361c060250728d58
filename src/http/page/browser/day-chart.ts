/**
 * Usage per day as a row of bars. A day is chosen by the pointer or the arrow keys; the newest one is chosen otherwise.
 */
import type { TotalsView } from '../../views.ts'
import { part, setTexts } from './parts.ts'
import { countOf, dayName, dollars, plural, roughly } from './words.ts'

type Measure = 'requests' | 'tokens' | 'cost'

const SLOTS = 31
const DAY_MS = 86_400_000
/** Of the drawing, which is 310 x 100. */
const SLOT_WIDTH = 10
const BAR_WIDTH = 7
const LEAST_HEIGHT = 1.5

const SIZES: Record<Measure, (day: TotalsView) => number> = {
  requests: ({ requests }) => requests,
  tokens: (day) => inputOf(day) + day.output,
  cost: ({ cost }) => cost,
}

const SCALES: Record<Measure, (most: number) => string> = { requests: countOf, tokens: roughly, cost: dollars }

/** Returns what brings the chart up to date. In: the relay's days, and its today as YYYY-MM-DD. */
export function createDayChart(panel: HTMLElement, measures: HTMLElement) {
  const drawing = part(panel, 'bars')
  const bars = Array.from({ length: SLOTS }, (_, slot) => createBar(drawing, slot))
  let measure: Measure = 'requests'
  let chosen = SLOTS - 1
  let days: readonly TotalsView[] = []

  const slotAt = (event: PointerEvent): number => {
    const { left, width } = drawing.getBoundingClientRect()
    return Math.floor(((event.clientX - left) / width) * SLOTS)
  }
  const choose = (slot: number): void => {
    chosen = Math.min(SLOTS - 1, Math.max(0, slot))
    draw()
  }
  drawing.addEventListener('pointermove', (event) => choose(slotAt(event)))
  drawing.addEventListener('pointerleave', () => choose(SLOTS - 1))
  drawing.addEventListener('keydown', (event) => {
    const step = KEYS[event.key]
    if (step === undefined) return
    event.preventDefault()
    choose(chosen + step)
  })
  const buttons = [...measures.querySelectorAll('button')]
  for (const button of buttons) {
    button.addEventListener('click', () => {
      measure = button.dataset['measure'] as Measure
      for (const each of buttons) each.ariaPressed = String(each === button)
      draw()
    })
  }

  function draw(): void {
    const sizes = days.map(SIZES[measure])
    const most = Math.max(0, ...sizes)
    for (const [slot, bar] of bars.entries()) {
      const size = sizes[slot] ?? 0
      const height = size === 0 ? LEAST_HEIGHT : Math.max(LEAST_HEIGHT * 2, (size / most) * 100)
      bar.setAttribute('y', String(100 - height))
      bar.setAttribute('height', String(height))
      bar.setAttribute('class', slot === chosen ? 'chosen' : size === 0 ? 'none' : '')
    }
    const day = days[chosen]
    if (day === undefined) return
    const caption = describe(day)
    setTexts(panel, {
      most: most === 0 ? 'No requests yet' : SCALES[measure](most),
      first: dayName(days[0]?.key ?? ''),
      last: dayName(days.at(-1)?.key ?? ''),
      day: dayName(day.key),
      caption,
    })
    drawing.ariaValueNow = String(chosen + 1)
    drawing.ariaValueText = `${dayName(day.key)}: ${caption}`
  }

  return (totals: readonly TotalsView[], today: string): void => {
    days = calendar(totals, today)
    draw()
  }
}

const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  Home: -SLOTS,
  End: SLOTS,
}

/** The last 31 days up to today, with the days in them on which nothing happened. */
function calendar(totals: readonly TotalsView[], today: string): TotalsView[] {
  const known = new Map(totals.map((day) => [day.key, day]))
  const last = Date.parse(today)
  return Array.from({ length: SLOTS }, (_, slot) => {
    const key = new Date(last - (SLOTS - 1 - slot) * DAY_MS).toISOString().slice(0, 10)
    return known.get(key) ?? { ...NOTHING, key }
  })
}

export const NOTHING: TotalsView = {
  key: '',
  requests: 0,
  failures: 0,
  input: 0,
  cached: 0,
  cache_write: 0,
  output: 0,
  reasoning: 0,
  cost: 0,
  unpriced: 0,
}

/** With what came from the vendor's cache, and what was put into it. */
export const inputOf = ({ input, cached, cache_write: written }: TotalsView): number => input + cached + written

function describe(day: TotalsView): string {
  if (day.requests === 0) return 'no requests'
  return [
    plural(day.requests, 'request'),
    `${countOf(day.failures)} failed`,
    `${roughly(inputOf(day))} in`,
    `${roughly(day.output)} out`,
    `${dollars(day.cost)}${day.unpriced === 0 ? '' : ` (${countOf(day.unpriced)} unpriced)`}`,
  ].join(' · ')
}

function createBar(drawing: Element, slot: number): SVGElement {
  const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  bar.setAttribute('x', String(slot * SLOT_WIDTH + (SLOT_WIDTH - BAR_WIDTH) / 2))
  bar.setAttribute('width', String(BAR_WIDTH))
  drawing.append(bar)
  return bar
}
