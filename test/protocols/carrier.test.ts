import { describe, expect, it } from 'vitest'
import { fitsTarget, unwrapCarrier, wrapCarrier } from '../../src/protocols/carrier.ts'
import type { Carrier } from '../../src/protocols/hub.ts'

const CARRIER: Carrier = { family: 'anthropic', account: 'acct1', model: 'claude-opus-5', data: 'EqQBsig+/==é😀' }

describe('a carrier', () => {
  it('comes back from a foreign client as it went out', () => {
    expect(unwrapCarrier(wrapCarrier(CARRIER))).toEqual(CARRIER)
  })

  it('keeps a whole item, not only a text', () => {
    const item = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'gAAAAx' }
    const carrier: Carrier = { family: 'openai', account: 'acct1', model: null, data: item }
    expect(unwrapCarrier(wrapCarrier(carrier))).toEqual(carrier)
  })

  it('is base64 as a whole, which Gemini checks', () => {
    const text = wrapCarrier(CARRIER)
    expect(Buffer.from(text, 'base64').toString('base64')).toBe(text)
  })

  it.each([
    ['gAAAAABmXtoken', null, 'openai'],
    ['gAAAAABmXtoken', 'anthropic', 'openai'],
    ['EqQBCkgIBhABGAIiQL', null, 'anthropic'],
    ['EqQBCkgIBhABGAIiQL', 'gemini', 'gemini'],
    ['sgd7Yd8sdgGgf9Q=', null, 'gemini'],
    ['xai opaque', 'openai', 'other'],
    ['not base64!', 'anthropic', 'other'],
    ['sub2api1###', 'anthropic', 'other'],
  ] as const)('without our tag is told by its shape: %s at home in %s is of %s', (text, home, family) => {
    expect(unwrapCarrier(text, home)).toMatchObject({ family, account: null, data: text })
  })

  it.each([
    ['the account that made it', CARRIER, 'anthropic', 'acct1', 'restore'],
    ['another account of the family', CARRIER, 'anthropic', 'acct2', 'drop'],
    ['another family', CARRIER, 'openai', 'acct1', 'drop'],
    ['its family when nobody knows its account', { ...CARRIER, account: null }, 'anthropic', 'acct2', 'restore'],
    ['nobody when its family is unknown', { ...CARRIER, family: 'other' }, 'other', 'acct1', 'drop'],
  ] as const)('goes to %s: %#', (_, carrier, family, account, verdict) => {
    expect(fitsTarget(carrier, family, account)).toBe(verdict)
  })
})
