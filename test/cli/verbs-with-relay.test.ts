/**
 * The same verbs with a real relay behind them: what they ask for is there, and is what they take it for.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { accounts } from '../../src/cli/accounts.ts'
import { explain } from '../../src/cli/explain.ts'
import { reload } from '../../src/cli/reload.ts'
import type { Output } from '../../src/cli/output.ts'
import { status } from '../../src/cli/status.ts'
import { usage } from '../../src/cli/usage.ts'
import { writeConfig } from '../config/load-text.ts'
import { startRelay, TOKEN } from '../harness/relay.ts'
import { startVendor } from '../harness/vendor.ts'

/** A relay that has served one request, and how a verb is run on it. */
async function setStage() {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const settings = {
    accounts: [
      { name: 'claude', api_key: 'k', base_url: vendor.url },
      { name: 'gpt', platform: 'openai', api_key: 'k', base_url: vendor.url },
    ],
  }
  const relay = await startRelay(settings)
  onTestFinished(() => relay.stop())
  await relay.post('/v1/messages', { model: 'claude-x', max_tokens: 9, messages: [] })
  const configPath = writeConfig({ listen_addr: `127.0.0.1:${relay.port}`, auth_tokens: [TOKEN], ...settings })
  return async <Options>(
    verb: (options: Options, output: Output) => Promise<number>,
    options: Omit<Options, 'configPath'>,
  ) => {
    const printed: string[] = []
    const print = (text: string): void => void printed.push(text)
    const exitCode = await verb({ configPath, ...options } as Options, { print, complain: print })
    return { exitCode, text: printed.join('\n') }
  }
}

describe('a running relay', () => {
  test('shows its status', async () => {
    const run = await setStage()
    const { text } = await run(status, { json: false, watch: false })
    expect(text).toMatch(/^sub2api-simple \S+ {2}up \S+ {2}0 in flight/)
    expect(text).toMatch(/^claude {2}ok/m)
  })

  test.each(['day', 'account', 'token', 'model'] as const)('tells its usage by %s', async (by) => {
    const run = await setStage()
    const { text } = await run(usage, { by, since: '7d', format: 'csv' })
    expect(text.split('\n')).toEqual([
      expect.stringContaining(`${by},requests`),
      expect.stringMatching(/^[^,]+,1,0,\d+/),
    ])
  })

  test('explains who serves', async () => {
    const run = await setStage()
    const { exitCode, text } = await run(explain, { model: 'claude-x', protocol: 'messages', json: false })
    expect([exitCode, text]).toEqual([0, expect.stringMatching(/1\. {2}claude {2}claude-x {2}in its own words[^]*gpt/)])
    expect(await run(explain, { model: 'llama-9', protocol: 'gemini', json: false })).toMatchObject({ exitCode: 1 })
  })

  test('acts on its accounts', async () => {
    const run = await setStage()
    const act = (action: 'pause' | 'resume' | 'clear' | 'test', account = 'claude') =>
      run(accounts, { action, account, json: false })
    expect(await act('pause')).toEqual({ exitCode: 0, text: 'claude: paused' })
    expect((await run(status, { json: false, watch: false })).text).toMatch(/paused.*\n.*paused by hand\n.*mend it: /)
    expect(await act('resume')).toEqual({ exitCode: 0, text: 'claude: resumed' })
    expect(await act('clear')).toMatchObject({ exitCode: 0 })
    expect((await act('test')).text).toMatch(/^claude: claude-haiku-5-5 answered in/)
    await expect(act('test', 'nobody')).rejects.toThrow(/nobody/)
  })

  test('reads its config again', async () => {
    const run = await setStage()
    expect(await run(reload, { json: false })).toEqual({
      exitCode: 0,
      text: expect.stringMatching(/says what is in force/),
    })
  })
})
