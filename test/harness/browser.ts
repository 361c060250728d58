/**
 * A real browser for what only a browser can prove: what a web page may do to a relay, and how the relay's own page
 * behaves. It is the system's Chromium, without a window and without a wish to talk to anybody but the test.
 */
import { existsSync } from 'node:fs'
import type { Browser } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium']

/** Where Chromium is, null when this machine has none: `describe.skipIf(CHROMIUM === null)`. CHROMIUM_PATH names another. */
export const CHROMIUM = findChromium()

function findChromium(): string | null {
  const found = [process.env['CHROMIUM_PATH'] ?? '', ...PLACES].find((path) => path !== '' && existsSync(path))
  if (found === undefined) console.warn('no Chromium here (apt-get install chromium): the browser tests are skipped')
  return found ?? null
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Starts Chromium; the test closes it (`onTestFinished(() => browser.close())`). `hosts` are names that lead to this
 * machine, as after a rebinding; every other name but localhost leads nowhere.
 */
export async function startBrowser({ hosts = [] }: { hosts?: readonly string[] } = {}): Promise<Browser> {
  if (CHROMIUM === null) throw new Error('startBrowser needs Chromium; guard the tests with CHROMIUM')
  const { chromium } = await import('playwright-core')
  const rules = [
    ...hosts.map((host) => `MAP ${host} 127.0.0.1`),
    'MAP * ~NOTFOUND',
    'EXCLUDE localhost',
    'EXCLUDE 127.0.0.1',
  ]
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [...FLAGS, `--host-resolver-rules=${rules.join(',')}`],
    // Signals are the test runner's affair.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
}
