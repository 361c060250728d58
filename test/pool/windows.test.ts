import { describe, expect, test } from 'vitest'
import { readWindows } from '../../src/pool/windows.ts'

const NOW = Date.UTC(2026, 10, 20, 12)
const HOUR = 3_600_000
const inSeconds = (ms: number): string => String(Math.round((NOW + ms) / 1000))

describe('quota windows in response headers', () => {
  test('Anthropic tells used share, status and reset of each window', () => {
    const headers = [
      ['anthropic-ratelimit-unified-5h-status', 'allowed'],
      ['anthropic-ratelimit-unified-5h-utilization', '0.42'],
      ['anthropic-ratelimit-unified-5h-reset', inSeconds(2 * HOUR)],
      ['anthropic-ratelimit-unified-7d-status', 'rejected'],
      ['anthropic-ratelimit-unified-7d-utilization', '1'],
      ['anthropic-ratelimit-unified-7d-reset', inSeconds(50 * HOUR)],
      ['anthropic-ratelimit-unified-status', 'rejected'],
    ].flat()
    expect(readWindows(headers, NOW)).toEqual([
      { name: '5h', usedPercent: 42, resetsAt: NOW + 2 * HOUR, isExhausted: false },
      { name: '7d', usedPercent: 100, resetsAt: NOW + 50 * HOUR, isExhausted: true },
    ])
  })

  test('Codex tells percent and seconds, and the length says which window it is', () => {
    const headers = [
      ['x-codex-primary-used-percent', '100'],
      ['x-codex-primary-window-minutes', '300'],
      ['x-codex-primary-reset-after-seconds', '600'],
      ['x-codex-secondary-used-percent', '12.5'],
      ['x-codex-secondary-window-minutes', '10080'],
      ['x-codex-secondary-reset-at', inSeconds(24 * HOUR)],
    ].flat()
    expect(readWindows(headers, NOW)).toEqual([
      { name: '5h', usedPercent: 100, resetsAt: NOW + 600_000, isExhausted: true },
      { name: '7d', usedPercent: 12.5, resetsAt: NOW + 24 * HOUR, isExhausted: false },
    ])
  })

  test.each([
    ['a five-hour window that ends in seven hours', '5h', inSeconds(7 * HOUR)],
    ['a week that ends in nine days', '7d', inSeconds(216 * HOUR)],
    ['a reset that is no number', '5h', 'soon'],
  ])('%s is not believed', (_what, window, reset) => {
    const headers = [`anthropic-ratelimit-unified-${window}-reset`, reset]
    expect(readWindows(headers, NOW)[0]?.resetsAt).toBeNull()
  })

  test('a reset in milliseconds is understood', () => {
    const headers = ['anthropic-ratelimit-unified-5h-reset', String(NOW + HOUR)]
    expect(readWindows(headers, NOW)[0]?.resetsAt).toBe(NOW + HOUR)
  })

  test.each<[string, Array<[string, string]>, string, number, number]>([
    [
      'Anthropic',
      [
        ['anthropic-ratelimit-input-tokens-limit', '40000'],
        ['anthropic-ratelimit-input-tokens-remaining', '10000'],
        ['anthropic-ratelimit-input-tokens-reset', new Date(NOW + 30_000).toISOString()],
      ],
      'input_tokens',
      75,
      30_000,
    ],
    [
      'OpenAI',
      [
        ['x-ratelimit-limit-requests', '200'],
        ['x-ratelimit-remaining-requests', '0'],
        ['x-ratelimit-reset-requests', '1m12.5s'],
      ],
      'requests',
      100,
      72_500,
    ],
    [
      'Mistral, with plain seconds',
      [
        ['X-RateLimit-Limit-Tokens', '1000'],
        ['X-RateLimit-Remaining-Tokens', '990'],
        ['X-RateLimit-Reset-Tokens', '7'],
      ],
      'tokens',
      1,
      7_000,
    ],
  ])('%s tells limits per minute, which are never used up for good', (_who, headers, name, used, inMs) => {
    const [reading, ...more] = readWindows(headers.flat(), NOW)
    expect(more).toEqual([])
    expect(reading).toMatchObject({ name, resetsAt: NOW + inMs, isExhausted: false, isRate: true })
    expect(reading?.usedPercent).toBeCloseTo(used)
  })

  test.each([
    [['x-ratelimit-limit-requests', '0', 'x-ratelimit-remaining-requests', '0']],
    [['x-ratelimit-limit-requests', 'many', 'x-ratelimit-remaining-requests', '1']],
    [['anthropic-ratelimit-tokens-limit', '100', 'anthropic-ratelimit-tokens-reset', '2026-11-20T12:00:30Z']],
  ])('%j is no limit to compare with', (headers) => {
    expect(readWindows(headers, NOW)).toEqual([])
  })

  test('other headers tell nothing', () => {
    expect(readWindows(['content-type', 'application/json', 'x-ratelimit-remaining-requests', '9'], NOW)).toEqual([])
  })
})
