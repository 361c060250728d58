/**
 * Finding and filling the parts of the page. Everything that comes from the relay ends up in text nodes and closed
 * attributes: names are chosen by people, messages by vendors, and both may hold anything.
 */

/** The element with this `data-part`; the page is broken without it. */
export function part(root: ParentNode, name: string): HTMLElement {
  return found(root.querySelector<HTMLElement>(`[data-part=${name}]`), name)
}

export function byId(id: string): HTMLElement {
  return found(document.getElementById(id), id)
}

/** Replaces the text in place, and only when it is new: a selection in it, and the browser's peace, stay. */
export function setText(element: Element, text: string): void {
  const node = element.firstChild ?? element.appendChild(new Text())
  if (node instanceof Text && node.data !== text) node.data = text
}

/** Fills several parts at once. */
export function setTexts(root: ParentNode, texts: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(texts)) setText(part(root, name), text)
}

/** Shows or hides; whoever had the focus on a button that is hidden finds it on the one that follows, or precedes it. */
export function setShown(element: HTMLElement, isShown: boolean): void {
  if (element.hidden !== isShown) return
  const hadFocus = !isShown && element.contains(document.activeElement)
  element.hidden = !isShown
  if (hadFocus) (neighbour(element, 'next') ?? neighbour(element, 'previous'))?.focus()
}

function neighbour(element: Element, side: 'next' | 'previous'): HTMLElement | null {
  let each: Element | null = element
  do each = each[`${side}ElementSibling`]
  while (each instanceof HTMLElement && each.hidden)
  return each instanceof HTMLElement ? each : null
}

function found(element: HTMLElement | null, name: string): HTMLElement {
  if (element === null) throw new Error(`the page has no ${name}`)
  return element
}
