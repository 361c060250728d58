/**
 * A list on the page that follows a list of data: what stays keeps its element, and with it focus, selection and place.
 */
import { byId } from './parts.ts'

export interface KeyedListOptions<T> {
  readonly container: Element
  /** Id of the template that each item is made from. */
  readonly template: string
  readonly keyOf: (item: T) => string
  /** Prepares a new element once; returns what fills it. */
  readonly create: (element: HTMLElement) => (item: T) => void
}

/** Returns what brings the page up to date with the items. */
export function createKeyedList<T>({ container, template, keyOf, create }: KeyedListOptions<T>) {
  const rows = new Map<string, { element: HTMLElement; fill: (item: T) => void }>()
  const pattern = (byId(template) as HTMLTemplateElement).content

  function add(key: string) {
    const copy = document.importNode(pattern, true)
    const element = copy.firstElementChild as HTMLElement
    const row = { element, fill: create(element) }
    rows.set(key, row)
    return row
  }

  return (items: readonly T[]): void => {
    const keys = new Set(items.map(keyOf))
    for (const [key, { element }] of rows) {
      if (keys.has(key)) continue
      element.remove()
      rows.delete(key)
    }
    let next = container.firstElementChild
    for (const item of items) {
      const key = keyOf(item)
      const { element, fill } = rows.get(key) ?? add(key)
      if (element === next) next = next.nextElementSibling
      else insert(container, element, next)
      fill(item)
    }
  }
}

/** An element that moves would lose the focus. */
function insert(container: Element, element: HTMLElement, next: Element | null): void {
  const focused = element.contains(document.activeElement) ? document.activeElement : null
  container.insertBefore(element, next)
  if (focused instanceof HTMLElement) focused.focus()
}
