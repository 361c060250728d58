import { describe, expect, it } from 'vitest'
import { parseDataUrl, toDataUrl } from '../../src/protocols/parts.ts'

describe('a data URL', () => {
  it.each([
    ['data:image/png;base64,AA==', 'image/png', 'AA=='],
    ['data:image/jpg;base64,AA==', 'image/jpeg', 'AA=='],
    ['data:;base64,AA==', 'text/plain', 'AA=='],
    ['data:text/plain;charset=utf-8;base64,SGk=', 'text/plain', 'SGk='],
    ['data:text/plain,H%C3%A9%', 'text/plain', Buffer.from('H%C3%A9%').toString('base64')],
    ['data:text/plain,H%C3%A9', 'text/plain', Buffer.from('Hé').toString('base64')],
  ])('%s holds %s', (url, mediaType, data) => {
    expect(parseDataUrl(url)).toEqual({ kind: 'base64', mediaType, data })
  })

  it.each(['https://x/y.png', 'data:image/png', ''])('is not %j', (url) => {
    expect(parseDataUrl(url)).toBeNull()
  })

  it('is written as it was read', () => {
    const url = 'data:application/pdf;base64,JVBERi0='
    expect(toDataUrl(parseDataUrl(url) ?? { kind: 'base64', mediaType: '', data: '' })).toBe(url)
  })
})
