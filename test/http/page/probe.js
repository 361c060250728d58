/**
 * Runs in the page before its own script: collects what the browser complains about, and measures what people see.
 */
window.probe = createProbe()

function createProbe() {
  const violations = []
  const shifts = []
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    violations.push(`${violatedDirective} ${blockedURI}`),
  )
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      const moved = sources.map(
        ({ node }) => `${node?.parentElement?.className} > ${node?.nodeName} ${node?.textContent?.slice(0, 40)}`,
      )
      if (!hadRecentInput) shifts.push(`${value.toFixed(5)} ${moved.join(' ')}`)
    }
  }).observe({ type: 'layout-shift', buffered: true })
  // Taken before a test stops the page's clock.
  const frame = requestAnimationFrame
  const painted = () => new Promise((done) => frame(() => frame(done)))
  return { violations, shifts, painted, faintTexts, describeFocus, isWiderThanScreen }
}

/** Texts whose contrast with what is behind them is below AA (WCAG 2.2, 1.4.3): 4.5, or 3 where they are large. */
function faintTexts() {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const faint = new Set()
  let seen = 0
  while (texts.nextNode()) {
    const { data, parentElement: element } = texts.currentNode
    const style = getComputedStyle(element)
    if (data.trim() === '' || !element.checkVisibility({ visibilityProperty: true })) continue
    seen++
    const size = Number.parseFloat(style.fontSize)
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    const ratio = contrast(parseColor(style.color), groundOf(element))
    if (ratio < (isLarge ? 3 : 4.5)) faint.add(`${ratio.toFixed(2)} "${data.trim().slice(0, 40)}"`)
  }
  return { seen, faint: [...faint] }
}

/** The first opaque background on the way up; the page has no half-transparent ones behind text. */
function groundOf(element) {
  for (let each = element; each !== null; each = each.parentElement) {
    const color = parseColor(getComputedStyle(each).backgroundColor)
    if (color[3] === 1) return color
  }
  throw new Error('the text stands on nothing')
}

function parseColor(text) {
  const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number)
  return [red, green, blue, alpha]
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(color) {
  const [red, green, blue] = color.map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** What has the focus, in the words of a screen reader, and whether one sees that it has it. */
function describeFocus() {
  const element = document.activeElement
  if (element === document.body) return { name: '', isVisible: false }
  const labelledBy = document.getElementById(element.getAttribute('aria-labelledby') ?? '')
  const name = element.getAttribute('aria-label') ?? labelledBy?.textContent ?? element.textContent
  const { outlineStyle, outlineWidth } = getComputedStyle(element)
  return { name: name.trim(), isVisible: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2 }
}

function isWiderThanScreen() {
  return document.documentElement.scrollWidth > document.documentElement.clientWidth
}
