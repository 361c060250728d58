/**
 * The grep finds what it should: a grep that finds nothing proves nothing.
 */
import { expect, test } from 'vitest'
import { assertNothingSecret } from './nothing-secret.ts'

const SECRET = 'sk/of+an account'

test.each<[string, string]>([
  ['plain', SECRET],
  ['percent-encoded', encodeURIComponent(SECRET)],
  ['hex', Buffer.from(SECRET).toString('hex')],
  ['base64', Buffer.from(SECRET).toString('base64')],
  ['base64url', Buffer.from(SECRET).toString('base64url')],
  ['as a user name and password', Buffer.from(`me:${SECRET}`).toString('base64')],
  ['behind other bytes', Buffer.from(`{"k":"${SECRET}"}`).toString('base64url')],
  ['a token of the fake identity provider', 'secret-rt-acc-7'],
])('a secret is found: %s', (_form, text) => {
  expect(() => assertNothingSecret(`{"event":"x"}\n{"reason":"${text}"}`, [SECRET])).toThrow('behind: {"reason":"')
})

test('harmless lines pass', () => {
  expect(() => assertNothingSecret('{"reason":"***"}', [SECRET, 'k'])).not.toThrow()
})
