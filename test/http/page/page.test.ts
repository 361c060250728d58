/**
 * The status page in a real browser: what it shows, that it stays calm while numbers change, that everything on it is
 * within reach of a keyboard, and that nothing it is told can do harm.
 */
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { AccountView, StatusView } from '../../../src/http/views.ts'
import { CHROMIUM, startBrowser } from '../../harness/browser.ts'
import { TOKEN } from '../../harness/relay.ts'
import { ASK, setStage as setRelayStage } from '../stage.ts'
import { ADMIN_TOKEN, type PageStage, startPageStage } from './stage.ts'

const POLL_MS = 2_000

interface Visit {
  readonly page: Page
  /** Every address it asked for. */
  readonly requests: readonly string[]
  /** Lets this much time pass in the page; requests that it makes then are under way afterwards. */
  readonly pass: (ms?: number) => Promise<void>
  readonly text: (selector: string) => Promise<string>
  /** What the browser wrote to its console, and breaches of the page's policy. */
  readonly complaints: () => Promise<string[]>
}

describe.skipIf(CHROMIUM === null)('the status page', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  }, 30_000)
  afterAll(() => browser.close())

  async function setStage(change: Partial<StatusView> = {}): Promise<PageStage> {
    const stage = await startPageStage()
    onTestFinished(stage.goAway)
    stage.status = { ...stage.status, ...change }
    return stage
  }

  /** Opens the page, with the admin token in this tab unless told otherwise; its clock stands still. */
  async function visit(
    stage: { readonly url: string },
    token: string | null = ADMIN_TOKEN,
    options: BrowserContextOptions = {},
  ) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 1000 }, ...options })
    onTestFinished(() => context.close())
    const page = await context.newPage()
    const said: string[] = []
    page.on('console', (message) => said.push(message.text()))
    const requests: string[] = []
    page.on('request', (request) => !request.url().startsWith('data:') && requests.push(request.url()))
    page.on('pageerror', (error) => said.push(error.message))
    page.on('dialog', (dialog) => (said.push(dialog.message()), void dialog.dismiss()))
    await page.addInitScript({ path: fileURLToPath(new URL('probe.js', import.meta.url)) })
    await page.clock.install()
    await page.clock.pauseAt(Date.now() + 60_000)
    if (token !== null) await page.addInitScript({ content: `sessionStorage.setItem('relay-token', '${token}')` })
    await page.goto(stage.url)
    const visit: Visit = {
      page,
      requests,
      pass: (ms = POLL_MS) => page.clock.runFor(ms),
      text: (selector) => page.locator(selector).innerText(),
      complaints: async () => [...said, ...((await page.evaluate('probe.violations')) as string[])],
    }
    return visit
  }

  const shown = (page: Page, text: string): Promise<void> =>
    page.getByText(text).filter({ visible: true }).first().waitFor()

  test('tells of every account how it is, why, until when, and what mends it', async () => {
    const { page, text, complaints } = await visit(await setStage())
    await shown(page, 'chatgpt-bob')
    expect(await text('.account:nth-child(1)')).toMatch(/claude-team[^]*Ready[^]*5 h\s*62%\s*resets in 1 h 1[12] m/)
    expect(await text('.account:nth-child(2)')).toMatch(
      /Resting\s*42:\d\d\s*The 5-hour limit of this plan is used up\./,
    )
    expect(await text('.account:nth-child(4)')).toMatch(/Needs attention[^]*sub2api-simple login chatgpt-bob/)
    expect(await text('#summary')).toBe('2 of 4 ready')
    expect(await text('#tokens')).toMatch(/ada[^]*\$11\.84 of \$20[^]*bob[^]*7 of 30 requests\/min/)
    expect(await text('#live')).toMatch(/1:13\s*ada\s*claude-opus-4-8\s*claude-team/)
    expect(await text('#errors')).toMatch(/429[^]*bob · gpt-5\.5 · chatgpt-ada\s*All accounts for this model rest/)
    expect(await complaints()).toEqual([])
  })

  test('moves nothing when numbers change, and asks nothing of anybody but its relay', async () => {
    const stage = await setStage()
    const { page, pass, complaints, requests } = await visit(stage)
    await shown(page, 'claude-team')
    await page.evaluate('probe.shifts.length = 0')
    for (const factor of [1, 13, 170]) {
      stage.status = grown(stage.status, factor)
      await pass()
      await shown(page, `${stage.status.waiting} waiting`)
      await page.evaluate('probe.painted()')
    }
    expect(await page.evaluate('probe.shifts')).toEqual([])
    expect(requests.filter((url) => ![`${stage.url}/`, `${stage.url}/admin/status`].includes(url))).toEqual([])
    expect(await page.evaluate('[document.cookie, localStorage.length]')).toEqual(['', 0])
    expect(await complaints()).toEqual([])
  })

  test('shows hostile names and messages as the text they are, on a phone too', async () => {
    const stage = await setStage()
    stage.status = sayEverywhere(stage.status, HOSTILE)
    const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }
    const { page, pass, text, complaints } = await visit(stage, ADMIN_TOKEN, phone)
    await shown(page, 'Under way')
    await pass()
    for (const [index, name] of HOSTILE.entries()) {
      expect(await text(`.account:nth-child(${index + 1}) h3`)).toContain(name)
    }
    expect(await page.evaluate('document.querySelectorAll("img, script:not([type=module])").length')).toBe(0)
    expect(await page.evaluate('probe.isWiderThanScreen()')).toBe(false)
    expect(await complaints()).toEqual([])
    for (const [index, name] of HOSTILE.entries()) {
      await page.locator(`.account:nth-child(${index + 1}) [data-action=test]`).click()
      await expect.poll(() => stage.actions.at(-1)).toBe(`POST /admin/accounts/${encodeURIComponent(name)}/test`)
    }
  })

  test('brings everything within reach of the keyboard, and leaves the focus where it is', async () => {
    const stage = await setStage()
    const { page, pass } = await visit(stage)
    await shown(page, 'claude-team')
    const reached: string[] = []
    for (;;) {
      await page.keyboard.press('Tab')
      const focus = (await page.evaluate('probe.describeFocus()')) as { name: string; isVisible: boolean }
      if (reached.includes(focus.name) || focus.name === '') break
      expect(focus).toEqual({ name: focus.name, isVisible: true })
      reached.push(focus.name)
    }
    expect(reached).toEqual([
      'Reload config',
      'Lock',
      'Test claude-team',
      'Pause claude-team',
      ...['Clear', 'Sign in', 'Renew token', 'Test', 'Pause'].map((action) => `${action} chatgpt-ada`),
      'Test gemini-key',
      'Pause gemini-key',
      ...['Sign in', 'Renew token', 'Test', 'Pause'].map((action) => `${action} chatgpt-bob`),
      'Requests',
      'Tokens',
      'Cost',
      'Day',
      'Client tokens',
      'Under way',
      'Recent errors',
    ])
    await page.getByRole('button', { name: 'Pause claude-team' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => stage.actions).toEqual(['POST /admin/accounts/claude-team/pause'])
    await shown(page, 'claude-team: pause done')
    // Other accounts come and go around it, and it is paused now.
    const [first, ...others] = stage.status.accounts as [AccountView, ...AccountView[]]
    stage.status = {
      ...stage.status,
      accounts: [...others.toReversed(), { ...first, state: 'paused', reason: 'paused' }],
    }
    await pass()
    await shown(page, 'Paused')
    expect(await page.evaluate('probe.describeFocus()')).toEqual({ name: 'Resume claude-team', isVisible: true })
  })

  test('shows each day to the keyboard as well as to the pointer', async () => {
    const { page, text } = await visit(await setStage())
    await shown(page, 'claude-team')
    const today = await text('.caption')
    const chart = page.getByRole('slider', { name: 'Day' })
    await chart.press('ArrowLeft')
    const yesterday = await text('.caption')
    expect(yesterday).not.toBe(today)
    expect((await chart.getAttribute('aria-valuetext'))?.replace(': ', '\n')).toBe(yesterday)
    await chart.hover({ position: { x: 2, y: 40 } })
    expect([today, yesterday]).not.toContain(await text('.caption'))
    await page.getByRole('button', { name: 'Cost' }).press('Enter')
    expect(await text('.scale')).toMatch(/^\$/)
  })

  test.each(['light', 'dark'] as const)(
    'is readable in %s colours: every text has the contrast of AA',
    async (colorScheme) => {
      const stage = await setStage()
      const config = { ...stage.status.config, rejected: 'line 4: "prioritty" is no key' }
      stage.status = { ...stage.status, config }
      const { page } = await visit(stage, ADMIN_TOKEN, { colorScheme })
      await shown(page, 'claude-team')
      const faint = async (least: number): Promise<void> => {
        const { seen, faint } = (await page.evaluate('probe.faintTexts()')) as { seen: number; faint: string[] }
        expect([seen >= least, faint]).toEqual([true, []])
      }
      await page.getByRole('button', { name: 'Test claude-team' }).click()
      await shown(page, 'test done')
      await faint(80)
      await stage.goAway()
      await page.getByRole('button', { name: 'Test claude-team' }).click()
      await shown(page, 'The relay does not answer.')
      await faint(80)
      await stage.comeBack()
      await page.getByRole('button', { name: 'Lock' }).click()
      await page.getByLabel('Token', { exact: true }).fill('wrong')
      await page.keyboard.press('Enter')
      await page.locator('.refusal', { hasText: 'does not take' }).waitFor()
      await faint(7)
    },
  )

  test('shows nothing without a token, says when one is wrong, and forgets a right one when told to', async () => {
    const stage = await setStage()
    const { page, text, complaints } = await visit(stage, null)
    const field = page.getByLabel('Token', { exact: true })
    await field.waitFor()
    await page.keyboard.press('Escape')
    expect(await text('#waiting')).toBe('The relay shows itself to those who have a token.')
    expect([await page.locator('.account').count(), stage.addresses, await complaints()]).toEqual([0, ['/'], []])
    await page.getByRole('button', { name: 'Enter token' }).click()
    await page.keyboard.type('a wrong one')
    await page.keyboard.press('Enter')
    await shown(page, 'The relay does not take this token.')
    expect(await page.locator('.account').count()).toBe(0)
    await field.fill(ADMIN_TOKEN)
    await page.keyboard.press('Enter')
    await shown(page, 'claude-team')
    await page.reload()
    await shown(page, 'claude-team')
    await page.getByRole('button', { name: 'Lock' }).click()
    await field.waitFor()
    expect(await page.locator('#content').isVisible()).toBe(false)
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
    expect(new Set(stage.addresses)).toEqual(new Set(['/', '/admin/status']))
  })

  test('says that the relay is gone, counts on with what it knew, and goes on when it is back', async () => {
    const stage = await setStage()
    const { page, pass, text } = await visit(stage)
    await shown(page, 'claude-team')
    const before = secondsIn(await text('.account:nth-child(2) .count'))
    await stage.goAway()
    await pass(5_000)
    await expect.poll(() => text('#summary')).toBe('No answer')
    expect(await text('#announcement')).toBe('The relay does not answer. Trying again …')
    expect(before - secondsIn(await text('.account:nth-child(2) .count'))).toBe(5)
    await stage.comeBack()
    await pass()
    await expect.poll(() => text('#summary')).toBe('2 of 4 ready')
    expect(await text('#announcement')).toBe('The relay answers again.')
  })

  test('asks nothing while nobody looks, and at once when somebody does', async () => {
    const stage = await setStage()
    const { page, pass } = await visit(stage)
    await shown(page, 'claude-team')
    const look = (state: string): Promise<unknown> =>
      page.evaluate(
        `Object.defineProperty(document, 'visibilityState', { configurable: true, value: '${state}' })
         document.dispatchEvent(new Event('visibilitychange'))`,
      )
    await look('hidden')
    await pass()
    const asked = stage.addresses.length
    await pass(60_000)
    expect(stage.addresses.length).toBe(asked)
    await look('visible')
    await expect.poll(() => stage.addresses.length).toBe(asked + 1)
  })

  test('has words for a relay that nobody has used yet, and for what a reload of its config did', async () => {
    const stage = await setStage({ live: [], errors: [], days: [] })
    const { page, complaints } = await visit(stage)
    for (const words of ['Nothing is under way.', 'No errors.', 'No requests yet']) await shown(page, words)
    expect(await complaints()).toEqual([])
    await page.getByRole('button', { name: 'Reload config' }).click()
    await shown(page, 'The config is in force as it is')
    stage.reload = { ...stage.reload, changed: true, accounts: { added: ['new'], removed: [], changed: ['a', 'b'] } }
    await page.getByRole('button', { name: 'Reload config' }).click()
    await shown(page, 'Config reloaded · 1 account added · 2 accounts changed')
    stage.reload = { ...stage.reload, config: { ...stage.reload.config, rejected: 'line 4: a comma is missing' } }
    await page.getByRole('button', { name: 'Reload config' }).click()
    await shown(page, 'The config was not taken: line 4: a comma is missing')
  })

  test('shows and steers a real relay', async () => {
    const { relay } = await setRelayStage()
    expect((await relay.post(ASK.anthropic.path, ASK.anthropic.body)).status).toBe(200)
    const { page, text, complaints } = await visit(relay, TOKEN)
    await shown(page, 'All 3 ready')
    expect(await text('.account:nth-child(1)')).toMatch(/claude\s*anthropic · API key[^]*Ready[^]*1 request/)
    expect(await text('#tiles')).toMatch(/Requests today\s*1\s*0 failed/)
    await page.getByRole('button', { name: 'Pause claude' }).click()
    await shown(page, 'claude: paused')
    await shown(page, '2 of 3 ready')
    expect(relay.parts.pool.states.map(({ isPaused }) => isPaused)).toEqual([true, false, false])
    await page.getByRole('button', { name: 'Resume claude' }).click()
    await shown(page, 'All 3 ready')
    expect(await complaints()).toEqual([])
  })
})

/** Whatever people, vendors and upstreams may put into a name or a message. */
const HOSTILE = [
  '<img src=x onerror="alert(1)">',
  '"><script>alert(2)</script>',
  '\u202egnp.exe',
  '__proto__',
  'a/../b?c#d%2f',
  'x'.repeat(400),
]

/** In: 42:11. */
function secondsIn(text: string): number {
  const [minutes = NaN, seconds = NaN] = text.split(':').map(Number)
  return minutes * 60 + seconds
}

/** An account, a token, a request and an error of each name, with everything in them that can be a text. */
function sayEverywhere(status: StatusView, names: readonly string[]): StatusView {
  const [account] = status.accounts as [AccountView]
  const [token] = status.tokens as [StatusView['tokens'][number]]
  const window = { used_percent: 50, resets_at: null, seen_at: status.started_at }
  const until = new Date(Date.parse(status.started_at) + 1e9).toISOString()
  return {
    ...status,
    config: { ...status.config, rejected: names.join(' ') },
    accounts: names.map((name) => ({
      ...account,
      name,
      platform: name,
      tags: names,
      state: 'cooling',
      reason: name,
      mend: name,
      windows: Object.fromEntries(names.map((each) => [each, window])),
      cooldowns: names.map((each) => ({ reason: each, model: each, message: each, until, failures_in_a_row: 1 })),
      last_error: { at: until, message: name },
    })),
    tokens: names.map((name) => ({ ...token, name })),
    live: names.map((name) => ({ request: name, client: name, account: name, model: name, protocol: name, age_ms: 1 })),
    errors: names.map((name) => ({
      at: until,
      request: name,
      client: name,
      account: name,
      model: name,
      status: 500,
      message: name,
    })),
  }
}

/** Another moment: every number is another one, and longer. */
function grown(status: StatusView, factor: number): StatusView {
  const account = (each: AccountView): AccountView => ({
    ...each,
    in_flight: Math.min(3, each.in_flight + factor),
    requests: each.requests * 10 + factor,
    failures: each.failures * 10 + factor,
    sessions: each.sessions + factor,
    cache_hit_percent: (each.cache_hit_percent ?? 0) / 2,
  })
  return {
    ...status,
    waiting: status.waiting + factor,
    accounts: status.accounts.map(account),
    tokens: status.tokens.map((each) => ({
      ...each,
      cost_day: each.cost_day + factor,
      in_flight: each.in_flight + factor,
    })),
    live: status.live.map((each) => ({ ...each, age_ms: each.age_ms + factor * 1_000 })),
    days: status.days.map((each) => ({ ...each, requests: each.requests + factor, cost: each.cost + factor })),
  }
}
