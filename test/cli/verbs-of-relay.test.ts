/**
 * The verbs that ask a running relay, against a stand-in that answers as the relay's admin routes are agreed to.
 */
import { describe, expect, test } from 'vitest'
import { accounts } from '../../src/cli/accounts.ts'
import { explain } from '../../src/cli/explain.ts'
import { reload } from '../../src/cli/reload.ts'
import { status } from '../../src/cli/status.ts'
import { usage } from '../../src/cli/usage.ts'
import type { Output } from '../../src/cli/output.ts'
import { TOKEN, withAccount, writeConfig } from '../config/load-text.ts'
import { findClosedPort } from '../harness/listener.ts'
import { accountView, later, type StandIn, standIn, statusView, totalsView } from './views.ts'

/** What a verb prints, and its exit code. */
async function run<Options>(verb: (options: Options, output: Output) => Promise<number>, options: Options) {
  const printed: string[] = []
  const output = {
    print: (text: string) => void printed.push(text),
    complain: (text: string) => void printed.push(text),
  }
  const exitCode = await verb(options, output)
  return { exitCode, text: printed.join('\n') }
}

describe('status', () => {
  const view = statusView({ accounts: [accountView({ name: 'plus', in_flight: 1 })], sessions: 2 })

  test('prints the accounts', async () => {
    const { configPath } = await standIn({ '/admin/status': view })
    const { exitCode, text } = await run(status, { configPath, json: false, watch: false })
    expect(exitCode).toBe(0)
    expect(text).toContain('1 in flight  2 sessions')
    expect(text).toContain('plus  ok')
  })

  test('--watch without a terminal prints once', async () => {
    const { configPath, asked } = await standIn({ '/admin/status': view })
    const { text } = await run(status, { configPath, json: false, watch: true })
    expect([text.includes('\u001b'), asked]).toEqual([false, ['GET /admin/status']])
  })

  test('--json prints what the relay said', async () => {
    const { configPath } = await standIn({ '/admin/status': view })
    expect(JSON.parse((await run(status, { configPath, json: true, watch: false })).text)).toEqual(view)
  })
})

describe('usage', () => {
  const totals = [
    totalsView('2026-11-19', { requests: 1200, cost: 1.5 }),
    totalsView('2026-11-20', { failures: 1, unpriced: 2 }),
  ]
  const ask = async (format: 'table' | 'csv' | 'json', found = totals) => {
    const stand = await standIn({ '/admin/usage': { by: 'day', since: later(0), totals: found } })
    const { text } = await run(usage, { configPath: stand.configPath, by: 'day', since: '7d', format })
    expect(stand.asked).toEqual(['GET /admin/usage?by=day&since=7d'])
    return text
  }

  test('is a table with a sum, in which what is not priced is never free', async () => {
    expect((await ask('table')).split('\n')).toEqual([
      'day         requests  failed  input  cached  cache writes  output                  cost',
      '2026-11-19     1,200       0  1,200  40,000           300   5,000                 $1.50',
      '2026-11-20        10       1  1,200  40,000           300   5,000  $0.5000 + 2 unpriced',
      'in all         1,210       1  2,400  80,000           600  10,000    $2.00 + 2 unpriced',
    ])
    expect(await ask('table', [totalsView('x', { unpriced: 10, cost: 0 })])).toMatch(/unpriced$/)
  })

  test('is a sentence when there was none', async () => {
    expect(await ask('table', [])).toBe('Nothing was relayed in the last 7d.')
  })

  test('is CSV that a spreadsheet reads as it is meant', async () => {
    const named = [totalsView('plain'), totalsView('a "b", c'), totalsView('=1+2')]
    expect((await ask('csv', named)).split('\n')).toEqual([
      'day,requests,failures,input,cached,cache_write,output,reasoning,cost,unpriced',
      'plain,10,0,1200,40000,300,5000,0,0.5,0',
      '"a ""b"", c",10,0,1200,40000,300,5000,0,0.5,0',
      "'=1+2,10,0,1200,40000,300,5000,0,0.5,0",
    ])
  })

  test('is JSON as the relay said it', async () => {
    expect(JSON.parse(await ask('json'))).toMatchObject({ by: 'day', totals })
  })
})

describe('explain', () => {
  const ready = [{ account: 'a', upstream_model: 'gpt-5.5', lane: 'hub', priority: 10, in_flight: 1 }]
  const excluded = [{ account: 'b', reason: 'needs_attention', message: 'signed out', until: null }]
  const view = { model: 'claude-x', protocol: 'anthropic', chain: ['gpt-5.5'], ready, excluded }
  const ask = async (answer: object) => {
    const stand = await standIn({ '/admin/explain': answer })
    const options = { configPath: stand.configPath, model: 'claude-x', protocol: 'messages', json: false } as const
    return { ...(await run(explain, options)), asked: stand.asked }
  }

  test('tells who would serve, and why the others would not', async () => {
    expect(await ask(view)).toEqual({
      exitCode: 0,
      asked: ['GET /admin/explain?model=claude-x&protocol=anthropic'],
      text: [
        'claude-x is served as gpt-5.5.',
        'Would serve it now, in this order:',
        '  1.  a  gpt-5.5  translated  priority 10  1 in flight',
        'Would not:',
        '  b  needs attention    signed out',
      ].join('\n'),
    })
  })

  test('fails when nobody would', async () => {
    expect(await ask({ ...view, ready: [] })).toMatchObject({
      exitCode: 1,
      text: expect.stringContaining('Nobody would serve claude-x now.'),
    })
  })
})

describe('accounts', () => {
  const act = ({ configPath }: StandIn, account: string) =>
    run(accounts, { configPath, action: 'test', account, json: false })

  test.each([
    [true, 0],
    [false, 1],
  ])('an action with ok: %s ends with exit code %i and its message', async (ok, exitCode) => {
    const done = { account: 'my plus', action: 'test', ok, message: 'answered in 812ms' }
    const stand = await standIn({ '/admin/accounts/my%20plus/test': done })
    expect(await act(stand, 'my plus')).toEqual({ exitCode, text: 'my plus: answered in 812ms' })
    expect(stand.asked).toEqual(['POST /admin/accounts/my%20plus/test'])
  })

  test('a refusal is told in the words of the relay', async () => {
    await expect(act(await standIn({}), 'plus')).rejects.toThrow(/^there is no such account$/)
  })
})

describe('reload', () => {
  const view = {
    config: { path: '/etc/relay.json', loaded_at: later(0), generation: 2, rejected: null },
    changed: true,
    accounts: { added: ['new'], removed: [], changed: ['plus', 'pro'] },
    settings: ['queue'],
    needs_restart: ['listen_addr'],
    warnings: [],
  }
  const ask = async (answer: object) =>
    run(reload, { configPath: (await standIn({ '/admin/reload': answer })).configPath, json: false })

  test('tells what changed', async () => {
    expect((await ask(view)).text.split('\n')).toEqual([
      '/etc/relay.json is in force.',
      '  new accounts: new',
      '  changed accounts: plus, pro',
      '  new in force: queue',
      '  need a new start: listen_addr',
    ])
  })

  test('fails with the reason when the file was not taken', async () => {
    const rejected = { ...view, config: { ...view.config, rejected: 'line 4: strange' } }
    expect(await ask(rejected)).toEqual({ exitCode: 1, text: '/etc/relay.json was not taken: line 4: strange' })
  })
})

describe('without a relay that answers it says what to do', () => {
  const ask = (configPath: string) => run(status, { configPath, json: false, watch: false })

  test('nobody listens', async () => {
    const port = await findClosedPort()
    const configPath = writeConfig(withAccount({}, { listen_addr: `127.0.0.1:${port}` }))
    await expect(ask(configPath)).rejects.toThrow(
      `no relay runs at http://127.0.0.1:${port}. Start it with: sub2api-simple -config ${configPath}`,
    )
  })

  test('it runs with another config', async () => {
    const { port } = await standIn({ '/admin/status': statusView() })
    const config = { listen_addr: `127.0.0.1:${port}`, auth_tokens: ['another-token-of-a-test'] }
    await expect(ask(writeConfig(withAccount({}, config)))).rejects.toThrow(/does not take the token of .*config\.json/)
  })

  test('another program has the port', async () => {
    const { configPath } = await standIn({ '/admin/status': 'hello' })
    await expect(ask(configPath)).rejects.toThrow(/another program may have the port/)
  })

  test('nobody can tell the port', async () => {
    const configPath = writeConfig(withAccount({}, { listen_addr: '127.0.0.1:0' }))
    await expect(ask(configPath)).rejects.toThrow(/lets the system choose a port/)
  })
})

test('the admin token of the config goes before its client tokens', async () => {
  const stand = await standIn(
    { '/admin/status': statusView() },
    { auth_tokens: ['another-token-of-a-test'], admin_token: TOKEN },
  )
  expect(await run(status, { configPath: stand.configPath, json: true, watch: false })).toMatchObject({ exitCode: 0 })
})
