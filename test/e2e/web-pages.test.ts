/**
 * What web pages can do to a relay on their visitor's machine, tried in a real browser: a page of another site, and a
 * page whose name was bound to this machine after it was loaded.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { CHROMIUM, startBrowser } from '../harness/browser.ts'
import { setStage } from '../http/stage.ts'

const KEY = /secret-key-of/

describe.skipIf(CHROMIUM === null)('in a real browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser({ hosts: ['evil.example'] })
  }, 30_000)
  afterAll(() => browser.close())

  /** A page at `url`, and what the browser complained about while it was open. */
  async function open(url: string): Promise<Page> {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(url)
    return page
  }

  /** A page of another site, with this in it. */
  async function openEvilSite(html = ''): Promise<Page> {
    const site = createServer((_, outgoing) => outgoing.writeHead(200, { 'content-type': 'text/html' }).end(html))
    site.listen(0, '127.0.0.1')
    onTestFinished(() => void site.close())
    await new Promise((resolve) => site.once('listening', resolve))
    return open(`http://evil.example:${(site.address() as AddressInfo).port}/`)
  }

  /** What a script in the page reads of an address: the status and text, or that the browser refused it. */
  const read = (page: Page, url: string, init: RequestInit = {}): Promise<string> =>
    page.evaluate(
      ([url, init]) =>
        fetch(url, init).then(
          async (answer) => `${answer.status} ${await answer.text()}`,
          () => 'refused by the browser',
        ),
      [url, init] as const,
    )

  const ask = (headers: Record<string, string>): RequestInit => ({
    method: 'POST',
    headers,
    body: JSON.stringify({ model: 'claude-test', max_tokens: 9, messages: [] }),
  })

  test('a page of another site can read nothing of the relay', async () => {
    const { relay } = await setStage()
    const page = await openEvilSite()
    for (const path of ['/health', '/v1/models', '/', '/auth/login?account=gpt', '/metrics', '/v1/usage']) {
      expect([path, await read(page, relay.url + path)]).toEqual([path, 'refused by the browser'])
    }
  })

  test('a page of another site can send nothing to a model, with a guessed token or without', async () => {
    const { relay, vendor } = await setStage()
    const page = await openEvilSite()
    // Without a preflight the request arrives, and has no token; with a token the browser asks first, and gets no leave.
    expect(await read(page, `${relay.url}/v1/messages`, ask({ 'content-type': 'text/plain' }))).toMatch(/^refused/)
    const headers = { 'content-type': 'text/plain', authorization: 'Bearer a-client-token-for-tests' }
    expect(await read(page, `${relay.url}/v1/messages`, ask(headers))).toMatch(/^refused/)
    expect(vendor.requests).toEqual([])
  })

  test('a page of another site starts no sign-in, neither by an image nor by a link', async () => {
    const { relay } = await setStage()
    const target = `${relay.url}/auth/login?account=gpt`
    const page = await openEvilSite(`<img src="${target}"><a href="${target}">free tokens</a>`)
    const answer = page.waitForResponse(target)
    await page.click('a')
    expect((await answer).status()).toBe(421)
    expect(await page.title()).toContain('Not from here')
  })

  test('a page whose name was rebound to the relay reads two words and a number, and starts nothing', async () => {
    const { relay, vendor } = await setStage()
    const page = await open(`http://evil.example:${relay.port}/health`)
    expect(await read(page, '/health')).toBe('200 {"status":"ok","accounts":3}\n')
    expect(await read(page, '/auth/login?account=gpt')).toMatch(/^421 /)
    expect(await read(page, '/v1/models')).toMatch(/^401 /)
    expect(await read(page, '/v1/messages', ask({ authorization: 'Bearer guessed' }))).toMatch(/^401 /)
    for (const path of ['/', '/health', '/metrics', '/admin/status']) expect(await read(page, path)).not.toMatch(KEY)
    expect(vendor.requests).toEqual([])
  })
})
