/**
 * Who gets the status page at `/`, and what the answer permits a browser.
 */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { rawRequest } from '../../harness/raw-client.ts'
import { setStage } from '../stage.ts'

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

test('a browser gets the page: no account, no token, nothing of the config is in it', async () => {
  const { relay } = await setStage()
  const { status, headers, body } = await rawRequest(relay.port, { path: '/', headers: BROWSER })
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  const { body: again } = await rawRequest(relay.port, { path: '/', headers: { ...BROWSER, host: 'relay.lan' } })
  expect(again).toEqual(body)
  for (const secret of ['claude', 'secret-key', 'gpt', relay.configPath]) expect(String(body)).not.toContain(secret)
})

test.each([
  ['a HEAD request', { method: 'HEAD', headers: BROWSER }, ''],
  ['a client without wishes', { headers: {} }, '{}\n'],
  ['a client that takes anything', { headers: { accept: '*/*' } }, '{}\n'],
  ['a client that wants JSON', { headers: { accept: 'application/json' } }, '{}\n'],
])('%s gets the short answer', async (_who, request, body) => {
  const { relay } = await setStage()
  const answer = await rawRequest(relay.port, { path: '/', ...request })
  expect([answer.status, answer.headers['content-type'], String(answer.body)]).toEqual([200, 'application/json', body])
})

test('the page may run its own script and style and speak to its own relay, and nothing else', async () => {
  const { relay } = await setStage()
  const { headers, body } = await rawRequest(relay.port, { path: '/', headers: BROWSER })
  const [, style = ''] = /<style>(.*?)<\/style>/s.exec(String(body)) ?? []
  const [, script = ''] = /<script type="module">(.*?)<\/script>/s.exec(String(body)) ?? []
  expect(headers['content-security-policy']?.split('; ')).toEqual([
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ])
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  })
})

test('the page is one answer: nothing in it leads elsewhere', async () => {
  const { relay } = await setStage()
  const { body } = await rawRequest(relay.port, { path: '/', headers: BROWSER })
  const addresses = [...String(body).matchAll(/(?:https?:)?\/\/[\w.]+[^\s"'`<)]*/g)].map(([address]) => address)
  expect(new Set(addresses)).toEqual(new Set(['http://www.w3.org/2000/svg']))
  expect(String(body)).not.toMatch(/@import|url\(|\s(src|srcset|action|formaction)=/)
})

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
