/**
 * What the log must never show, however long the text around it.
 */
import { expect, test } from 'vitest'
import { createLog } from '../../src/io/log.ts'
import { createVirtualClock } from '../harness/clock.ts'

const SECRET = 'sk-a-"secret"\\of the+config'

function openLog(format: 'json' | 'pretty') {
  const lines: string[] = []
  const log = createLog({
    format,
    level: 'info',
    clock: createVirtualClock(),
    secrets: [SECRET],
    hasColours: false,
    write: (line) => lines.push(line),
  })
  return { log, lines }
}

test.each(['json', 'pretty'] as const)(
  'no piece of a secret stays where a long text is cut (%s), wherever in it the secret stands',
  (format) => {
    for (let before = 470; before <= 500; before++) {
      const { log, lines } = openLog(format)
      const reason = `${'x'.repeat(before)}${SECRET}${'y'.repeat(100)}`
      log.warn('upstream.failed', { reason, list: [reason] })
      expect(lines.join('')).not.toContain('sk-a')
    }
  },
)

test.each<[string, string]>([
  ['as it is', SECRET],
  ['percent-encoded', encodeURIComponent(SECRET)],
  ['base64', Buffer.from(SECRET).toString('base64')],
  ['base64url', Buffer.from(SECRET).toString('base64url')],
  ['in quoted JSON', JSON.stringify(SECRET)],
])('a secret is masked %s, in both formats', (_form, text) => {
  for (const format of ['json', 'pretty'] as const) {
    const { log, lines } = openLog(format)
    log.warn('upstream.failed', { reason: text, nested: { reason: text } })
    expect(lines.join('')).toContain('***')
    expect(lines.join('')).not.toMatch(/sk-a|secret|of the/)
    expect(lines.join('')).not.toContain(text.slice(1, 13))
  }
})

test('a secret that is learnt later is masked from then on', () => {
  const { log, lines } = openLog('json')
  log.hide('rt-rotated-a-moment-ago')
  log.info('token.refreshed', { reason: 'rt-rotated-a-moment-ago' })
  expect(lines.join('')).not.toContain('rotated-a-moment')
})
