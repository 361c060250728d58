import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../src/core/duration.ts'
import { matchesPattern, mostSpecific } from '../../src/core/match.ts'
import { createTokenMatcher, Secret } from '../../src/core/secret.ts'

describe('durations', () => {
  test.each([
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['100ms', 100],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['-5s', -5_000],
    ['+5s', 5_000],
    ['0', 0],
    ['90', 90_000],
    ['2d', 172_800_000],
    [90, 90_000],
    [0, 0],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', '-', '1 h', 'h', '1x', '1h 30m', 'five', '1e3s', 1.5, NaN, Infinity])('%j is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  test.each([
    [100, '100ms'],
    [2_500, '2.5s'],
    [300_000, '5m'],
    [5_400_000, '1h30m'],
    [90_061_000, '1d1h'],
    [-5_000, '-5s'],
  ])('%d ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('patterns', () => {
  test.each([
    ['claude-*', 'claude-opus-5-5', true],
    ['claude-*', 'Claude-Opus', true],
    ['*', '', true],
    ['*opus*', 'claude-opus-5', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['gpt-5', 'gpt-5.5', false],
    ['', 'x', false],
    ['a.c', 'abc', false],
  ])('%s against %s: %s', (pattern, name, fits) => {
    expect(matchesPattern(pattern, name)).toBe(fits)
  })

  test('two hundred stars against a hundred thousand characters end at once', () => {
    expect(matchesPattern('a*'.repeat(200) + 'b', 'a'.repeat(100_000))).toBe(false)
  })

  test('the exact name wins, then the one without regard to case, then the pattern that says most', () => {
    const table = new Map([
      ['*', 'any'],
      ['claude-*', 'family'],
      ['claude-opus-*', 'opus'],
      ['Claude-Opus-5', 'case'],
      ['claude-opus-5', 'exact'],
    ])
    expect(mostSpecific(table, 'claude-opus-5')).toBe('exact')
    expect(mostSpecific(table, 'CLAUDE-OPUS-5')).toBe('case')
    expect(mostSpecific(table, 'claude-opus-6')).toBe('opus')
    expect(mostSpecific(table, 'claude-haiku')).toBe('family')
    expect(mostSpecific(table, '__proto__')).toBe('any')
    expect(mostSpecific(new Map(), 'constructor')).toBeUndefined()
  })
})

describe('secrets', () => {
  test('a secret shows itself to nobody who does not ask for it', () => {
    const secret = new Secret('sk-ant-api03-abcdefgh')
    expect(`${String(secret)} ${JSON.stringify({ secret })}`).toBe('sk-***gh {"secret":"sk-***gh"}')
    expect(secret.reveal()).toBe('sk-ant-api03-abcdefgh')
  })

  test('a short secret shows nothing at all', () => {
    expect(String(new Secret('hunter2'))).toBe('***')
  })

  test('a token is found by its whole text alone', () => {
    const matcher = createTokenMatcher(['alpha-token', 'beta-token'])
    expect(['beta-token', 'beta-toke', 'beta-token ', ''].map((text) => matcher.find(text))).toEqual([1, -1, -1, -1])
  })
})
