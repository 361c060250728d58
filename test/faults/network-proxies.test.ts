/**
 * Accounts behind proxies: whatever happens to the proxy, the account's calls never take the direct way.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { settle } from '../harness/clock.ts'
import { startConnectProxy, startTrap, type ConnectProxy } from '../harness/connect-proxy.ts'
import { findClosedPort, listen } from '../harness/listener.ts'
import { after, answerText, pause } from '../harness/reactions.ts'
import { readText } from '../harness/sse.ts'
import { grudges, lastRecord, readStreamError, setStage, type Stage } from './four-dialects.ts'

/** Accounts of one vendor; what each one says of its way there. */
function start(accounts: Record<string, JsonObject>, settings: JsonObject = {}): Promise<Stage> {
  return setStage('anthropic', settings, accounts)
}

async function startProxy(): Promise<ConnectProxy> {
  const proxy = await startConnectProxy()
  onTestFinished(proxy.close)
  return proxy
}

/** The vendor of an account whose proxy is out of order: reaching it would be the direct way. */
async function startDirectWay(): Promise<string> {
  const trap = await startTrap()
  onTestFinished(trap.close)
  return trap.url
}

/** SOCKS 5 without passwords, as much as a tunnel needs. Source: RFC 1928. */
async function startSocksProxy(): Promise<{ url: string; connections: { readonly total: number } }> {
  const serve = async (client: Socket): Promise<void> => {
    await once(client, 'data')
    client.write(Buffer.from([5, 0]))
    const [asked] = (await once(client, 'data')) as [Buffer]
    const target = connect({ host: '127.0.0.1', port: asked.readUInt16BE(asked.length - 2), noDelay: true })
    target.once('close', () => client.destroy()).on('error', () => {})
    client.once('close', () => target.destroy())
    await once(target, 'connect')
    client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
    client.pipe(target).pipe(client)
  }
  const listener = await listen((client) => void serve(client).catch(() => client.destroy()))
  onTestFinished(listener.close)
  return { url: `socks5://127.0.0.1:${listener.port}`, connections: listener.connections }
}

describe('a proxy that works', () => {
  test('carries every call of its account, and nothing of it goes past', async () => {
    const proxy = await startProxy()
    const { vendor, send } = await start({ a: { proxy: proxy.url.replace('//', '//user:p%40ss@') } })
    const answers = await Promise.all([1, 2, 3].map(() => send()))
    expect(answers.map((answer) => readText(answer.body))).toEqual(['hello', 'hello', 'hello'])
    expect(proxy.connections.total).toBe(vendor.connections.total)
    expect(
      proxy.requests.every(({ method, target }) => `${method} ${target}` === `CONNECT 127.0.0.1:${vendor.port}`),
    ).toBe(true)
    const credential = `Basic ${Buffer.from('user:p@ss').toString('base64')}`
    expect(proxy.requests[0]?.rawHeaders).toContain(credential)
    expect(String(vendor.requests[0]?.rawHeaders)).not.toContain(credential)
  })

  test.each([
    ['a proxy', async () => (await startProxy()).url],
    ['the direct way', async () => 'direct'],
  ])('through %s a header that comes in more than one line is kept', async (_way, findProxy) => {
    const proxyUrl = await findProxy()
    const { vendor, send } = await start({ a: { proxy: proxyUrl } })
    await send({ headers: { 'anthropic-beta': ['one-2026', 'two-2026'] } })
    const sent = vendor.requests[0]?.rawHeaders ?? []
    const values = sent.filter((_, i) => sent[i - 1]?.toLowerCase() === 'anthropic-beta')
    expect(values.join(', ')).toBe('one-2026, two-2026')
  })

  test('may speak SOCKS', async () => {
    const proxy = await startSocksProxy()
    const { vendor, send } = await start({ a: { proxy: proxy.url } })
    expect(readText((await send()).body)).toBe('hello')
    expect([vendor.connections.total, proxy.connections.total]).toEqual([1, 1])
  })
})

describe('a proxy out of order', () => {
  const FAULTS: Array<[string, () => Promise<string>]> = [
    ['is down', async () => `http://127.0.0.1:${await findClosedPort()}`],
    ['wants a password', async () => refusing(407)],
    ['cannot reach anybody', async () => refusing(502)],
    ['takes the connection and says nothing', async () => `http://127.0.0.1:${await silentPort()}`],
    ['speaks SOCKS and is down', async () => `socks5://127.0.0.1:${await findClosedPort()}`],
    ['speaks SOCKS and takes nobody', async () => `socks5://127.0.0.1:${await unwillingPort()}`],
  ]

  async function refusing(status: 407 | 502): Promise<string> {
    const proxy = await startProxy()
    proxy.refuse(status)
    return proxy.url
  }

  async function silentPort(): Promise<number> {
    const { port, close } = await listen((socket) => void socket.resume())
    onTestFinished(close)
    return port
  }

  /** Answers every greeting with "no acceptable methods". */
  async function unwillingPort(): Promise<number> {
    const { port, close } = await listen((socket) => void socket.once('data', () => socket.end(Buffer.from([5, 0xff]))))
    onTestFinished(close)
    return port
  }

  test.each(FAULTS)(
    'row 46: one that %s is held against its account, another answers, and nobody goes direct',
    async (_what, findProxy) => {
      const directWay = await startDirectWay()
      const proxyUrl = await findProxy()
      const { relay, send } = await start(
        { a: { proxy: proxyUrl, base_url: directWay }, b: { proxy: 'direct' } },
        { connect_timeout: '100ms' },
      )
      const answer = await send()
      expect(readText(answer.body)).toBe('hello')
      expect(answer.headers).toMatchObject({ 'x-relay-account': 'b' })
      expect(grudges(relay, 'a')).toEqual(['proxy'])
    },
  )

  test.each(FAULTS)(
    'row 46: one that %s leaves its only account with an error, never with the direct way',
    async (_what, findProxy) => {
      const directWay = await startDirectWay()
      const proxyUrl = await findProxy()
      const { relay, send } = await start({ a: { proxy: proxyUrl, base_url: directWay } }, { connect_timeout: '100ms' })
      const { status, body } = await send()
      expect([status, JSON.parse(String(body)).error.type]).toEqual([502, 'api_error'])
      expect(String(body)).not.toContain('127.0.0.1')
      expect(lastRecord(relay)).toMatchObject({ outcome: 'failed', failures: [expect.stringContaining('a: proxy')] })
    },
  )
})

describe('a proxy that several accounts share', () => {
  test('row 47: marks all of them when it is down, and the account on another way is asked next', async () => {
    const directWay = await startDirectWay()
    const down = `http://127.0.0.1:${await findClosedPort()}`
    const { vendor, relay, send } = await start({
      a: { proxy: down, base_url: directWay },
      b: { proxy: down, base_url: directWay },
      c: { proxy: 'direct' },
    })
    const answer = await send()
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'c', 'x-relay-attempts': '2' })
    expect([grudges(relay, 'a'), grudges(relay, 'b'), grudges(relay, 'c')]).toEqual([['proxy'], ['proxy'], []])
    expect(vendor.requests).toHaveLength(1)
  })

  test('row 47: never takes all accounts away: when there is no other way it is tried again, and heals', async () => {
    const proxy = await startProxy()
    const { relay, send } = await start({ a: { proxy: proxy.url }, b: { proxy: proxy.url } })
    proxy.refuse(502)
    for (let i = 0; i < 5; i++) expect((await send()).status).toBe(502)
    proxy.refuse(null)
    expect(readText((await send()).body)).toBe('hello')
    expect(grudges(relay, lastRecord(relay)['account'] as string)).toEqual([])
  })

  test('row 47: that breaks its streams costs each of them one error, and then the other way is taken', async () => {
    const proxy = await startProxy()
    const accounts = { a: { proxy: proxy.url }, b: { proxy: proxy.url }, c: { proxy: 'direct' } }
    const { vendor, send } = await start(accounts, { sticky_session_ttl: '0' })
    vendor.script(answerText('one two', after('content', pause())), answerText('one two', after('content', pause())))
    const streams = [send(), send()]
    await Promise.all(streams.map((stream) => stream.until('one ')))
    await proxy.close()
    for (const stream of streams) expect(readStreamError('anthropic', (await stream).body).word).toBe('api_error')
    await settle()
    for (let i = 0; i < 4; i++) {
      const answer = await send()
      expect([readText(answer.body), answer.headers['x-relay-account']]).toEqual(['hello', 'c'])
    }
  })
})
