import { describe, expect, test } from 'vitest'
import { headersForClient, headersForUpstream } from '../../src/core/headers.ts'

const names = (pairs: ReadonlyArray<readonly [string, string]>): string[] => pairs.map(([name]) => name)

describe('from a client to its vendor', () => {
  test.each([
    'user-agent',
    'anthropic-version',
    'anthropic-beta',
    'anthropic-dangerous-direct-browser-access',
    'x-app',
    'x-stainless-retry-count',
    'x-claude-code-session-id',
    'session-id',
    'thread-id',
    'x-codex-turn-metadata',
    'x-openai-subagent',
    'originator',
    'openai-beta',
    'x-goog-api-client',
    'idempotency-key',
  ])('%s passes', (name) => {
    expect(headersForUpstream([name, 'value'])).toEqual([[name, 'value']])
  })

  test.each([
    'authorization',
    'x-api-key',
    'x-goog-api-key',
    'cookie',
    'host',
    'content-length',
    'content-encoding',
    'transfer-encoding',
    'connection',
    'accept-encoding',
    'x-forwarded-for',
    'forwarded',
    'origin',
    'referer',
    'openai-organization',
    'openai-project',
    'chatgpt-account-id',
    'x-goog-user-project',
    'proxy-authorization',
    'expect',
  ])('%s stays behind', (name) => {
    expect(headersForUpstream([name, 'value'])).toEqual([])
  })

  test('what Connection names is hop-by-hop, whatever its name', () => {
    const raw = ['Connection', 'close, X-App', 'x-app', 'cli', 'User-Agent', 'curl']
    expect(names(headersForUpstream(raw))).toEqual(['user-agent'])
  })
})

describe('from a vendor to the client', () => {
  test('request ids, rate limits and the time to come back pass', () => {
    const raw = [
      ['Content-Type', 'application/json'],
      ['Request-Id', 'req_1'],
      ['x-request-id', 'req_2'],
      ['Retry-After', '7'],
      ['anthropic-ratelimit-unified-5h-utilization', '0.4'],
      ['x-ratelimit-remaining-tokens', '9'],
      ['x-codex-primary-used-percent', '3'],
      ['openai-model', 'gpt'],
    ].flat()
    expect(headersForClient(raw)).toHaveLength(8)
  })

  test.each([
    'set-cookie',
    'server',
    'alt-svc',
    'strict-transport-security',
    'content-encoding',
    'content-length',
    'date',
    'openai-organization',
    'access-control-allow-origin',
  ])('%s does not', (name) => {
    expect(headersForClient([name, 'value'])).toEqual([])
  })
})
