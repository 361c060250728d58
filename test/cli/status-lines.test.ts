import { describe, expect, test } from 'vitest'
import { type Canvas, renderStatus } from '../../src/cli/status-lines.ts'
import { widthOf } from '../../src/cli/terminal-text.ts'
import type { StatusView } from '../../src/http/views.ts'
import { accountView, later, NOW, statusView } from './views.ts'

function render(view: StatusView, canvas: Partial<Canvas> = {}): string[] {
  return renderStatus(view, { width: 100, height: Infinity, now: NOW, hasColours: false, ...canvas })
}

/** The lines below the headline of a relay with this account alone. */
function linesOf(account: Parameters<typeof accountView>[0], canvas: Partial<Canvas> = {}): string[] {
  const lines = render(statusView({ accounts: [accountView(account)] }), canvas)
  return lines.slice(lines.indexOf('') + 1)
}

const window = (used_percent: number, resets_at: string | null) => ({ used_percent, resets_at, seen_at: later(-1) })

describe('an account is shown', () => {
  test('with its load, its sessions and its cache hits', () => {
    expect(linesOf({ in_flight: 2, sessions: 1, cache_hit_percent: 93.4 })).toEqual([
      'claude  ok               2/3 in flight    1 session   93 % from cache',
    ])
  })

  test('with reason and countdown while it rests', () => {
    const reason = 'rate limited by the vendor (429)'
    expect(linesOf({ state: 'cooling', reason, until: later(252) })).toEqual([
      'claude  cooling 4m12s    0/3 in flight   0 sessions',
      '  rate limited by the vendor (429)',
    ])
    expect(linesOf({ state: 'cooling', until: later(-5) })[0]).toContain('cooling now')
  })

  test('with the command that mends it', () => {
    const mend = 'sub2api-simple login plus'
    expect(linesOf({ name: 'plus', state: 'needs_attention', reason: 'signed out', mend })).toEqual([
      'plus  needs attention  0/3 in flight   0 sessions',
      '  signed out',
      '  mend it: sub2api-simple login plus',
    ])
  })

  test('with that command once where it is the reason already', () => {
    const mend = 'sub2api-simple login plus'
    expect(linesOf({ state: 'needs_attention', reason: `sign in with: ${mend}`, mend }).slice(1)).toEqual([
      '  sign in with: sub2api-simple login plus',
    ])
  })

  test('with its windows as bars, the usual two first', () => {
    const windows = { '7d_oi': window(1, null), '7d': window(71, later(4 * 86_400)), '5h': window(50, later(7260)) }
    expect(linesOf({ windows }, { width: 120 }).slice(1)).toEqual([
      '  5h  ██████░░░░░░  50 %, resets in 2h1m  7d  █████████░░░  71 %, resets in 4d  7d_oi █░░░░░░░░░░░   1 %',
    ])
  })

  test('with an empty window when its reset is past, whatever was seen before', () => {
    expect(linesOf({ windows: { '5h': window(100, later(-1)) } })[1]).toBe('  5h  ░░░░░░░░░░░░   0 %')
  })
})

test('a config that was rejected is told', () => {
  const config = { path: '/etc/relay.json', loaded_at: later(0), generation: 3, rejected: 'line 4: strange key' }
  expect(render(statusView({ config }))).toContain('The newest config is not in force: line 4: strange key')
})

test('errors stand below, and give way when the terminal is low', () => {
  const error = { request: 'r', client: 'laptop', account: 'claude', model: 'claude-x', status: 503 }
  const errors = [1, 2, 3].map((n) => ({ ...error, at: later(n), message: `trouble ${n}` }))
  const lines = render(statusView({ errors }))
  expect(lines.slice(-4)).toEqual([
    'Last errors',
    ...[1, 2, 3].map((n) => expect.stringMatching(`^  ..:..:0${n}  503  laptop  claude  claude-x  trouble ${n}$`)),
  ])
  expect(render(statusView({ errors }), { height: lines.length - 2 })).toEqual(lines.slice(0, -2))
})

test('an error that repeats itself is told once, with its newest time and how often', () => {
  const error = { request: 'r', client: 'mate', account: null, model: 'claude-x', status: 429, message: 'spent' }
  const errors = [3, 2, 1].map((n) => ({ ...error, at: later(n) }))
  expect(render(statusView({ errors })).slice(-1)).toEqual([
    expect.stringMatching(/^  ..:..:03  429  mate  claude-x  spent  \(3 times\)$/),
  ])
})

describe('whatever the names are', () => {
  const name = '\u001b[2J\u202eevil\r\n名前がとても長いアカウント名'
  const errors = [{ at: later(0), request: 'r', client: name, account: name, model: name, status: 500, message: name }]
  const accounts = [accountView({ name, state: 'cooling', reason: name, windows: { [name]: window(99, later(9)) } })]
  const view = statusView({ accounts, errors, config: { ...statusView().config, rejected: name } })

  test('nothing in them drives the terminal', () => {
    expect(render(view).join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
  })

  test.each([1, 7, 20, 33, 58, 80, 200])('no line is wider than %i columns', (width) => {
    for (const line of render(view, { width })) expect(widthOf(line)).toBeLessThanOrEqual(width)
  })
})

test('in a narrow terminal everything is still there, on more lines', () => {
  const account = {
    in_flight: 1,
    cache_hit_percent: 5,
    windows: { '5h': window(50, later(60)), '7d': window(2, null) },
  }
  const lines = linesOf(account, { width: 40 })
  expect(lines).toEqual([
    'claude  ok               1/3 in flight',
    '   0 sessions    5 % from cache',
    '  5h  ██████░░░░░░  50 %, resets in 1m',
    '  7d  █░░░░░░░░░░░   2 %',
  ])
})

test('colours are added without changing the text', () => {
  const view = statusView({ accounts: [accountView({ state: 'needs_attention', reason: 'signed out' })] })
  const coloured = render(view, { hasColours: true })
  expect(coloured.join('')).toContain('\u001b[31m')
  expect(coloured.map((line) => line.replaceAll(/\u001b\[\d+m/g, '').trimEnd())).toEqual(render(view))
})
