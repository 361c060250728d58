import { describe, expect, test } from 'vitest'
import { renameInEvents, renameWhole } from '../../src/relay/model-renamer.ts'

describe('the name a client sees', () => {
  const EVENTS: Array<[string, string, string]> = [
    [
      'at the top of a chunk',
      'data: {"id":"c","model":"vendor-name","n":1.0}\n\n',
      'data: {"id":"c","model":"asked","n":1.0}\n\n',
    ],
    ['behind a space', 'data:{"model" : "vendor-name"}\r\n\r\n', 'data:{"model" : "asked"}\r\n\r\n'],
    ['as Gemini calls it', 'data: {"modelVersion":"vendor-name"}\r\r', 'data: {"modelVersion":"asked"}\r\r'],
    [
      'in a message',
      'data: {"message":{"id":"m","model":"v","usage":{}}}\n\n',
      'data: {"message":{"id":"m","model":"asked","usage":{}}}\n\n',
    ],
    [
      'in a response',
      'data: {"response":{"model":"v","tools":[]}}\n\n',
      'data: {"response":{"model":"asked","tools":[]}}\n\n',
    ],
  ]
  test.each(EVENTS)('is the one it asked for, %s', (_where, events, shown) => {
    expect(String(renameInEvents(Buffer.from(events), 'asked'))).toBe(shown)
  })

  test('is replaced in each of many events, and nothing between them moves', () => {
    const events = EVENTS.map(([, sent]) => sent).join(': a comment\n')
    const shown = EVENTS.map(([, , received]) => received).join(': a comment\n')
    expect(String(renameInEvents(Buffer.from(events), 'asked'))).toBe(shown)
  })

  test.each([
    ['said by the model', 'data: {"delta":{"text":"{\\"model\\":\\"theirs\\"}"}}\n\n'],
    ['an argument of a call', 'data: {"candidates":[{"args":{"model":"theirs","response":{"model":"theirs"}}}]}\n\n'],
    ['of a tool', 'data: {"response":{"tools":[{"model":"theirs"}],"metadata":{"model":"theirs"}}}\n\n'],
    ['no name', 'data: {"model":null,"response":{"model":7}}\n\n'],
    ['in data that is no object', 'data: "model"\n\n'],
    ['in the rest of an event', '"args":{"model":"theirs"}}\n\n'],
    ['in a comment', ': "model":"theirs"\n\ndata: {}\n\n'],
  ])('is not put in place of what is %s', (_what, events) => {
    const bytes = Buffer.from(events)
    expect(renameInEvents(bytes, 'asked')).toBe(bytes)
  })

  test('in a whole answer only the top level counts', () => {
    const body = Buffer.from('{"model":"v","content":[{"input":{"model":"theirs"}}],"n":1.0}')
    expect(renameWhole(body, 'asked').toString()).toBe(
      '{"model":"asked","content":[{"input":{"model":"theirs"}}],"n":1.0}',
    )
  })
})
