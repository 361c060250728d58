import { describe, expect, test } from 'vitest'
import { createModelRenamer, renameWhole } from '../../src/relay/model-renamer.ts'

const stream =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"vendor-name","usage":{}}}\n\n' +
  'data: {"delta":{"text":"{\\"model\\":\\"untouched\\"}"}}\n\ndata: {"model": "vendor-name-2026", "modelVersion":"x"}\n\n'
const shown =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"asked","usage":{}}}\n\n' +
  'data: {"delta":{"text":"{\\"model\\":\\"untouched\\"}"}}\n\ndata: {"model": "asked", "modelVersion":"asked"}\n\n'

describe('the name a client sees', () => {
  test.each([1, 2, 3, 7, 11, 50, 1_000])(
    'is the one it asked for, however the stream is cut (%i bytes a piece)',
    (size) => {
      const renamer = createModelRenamer('asked')
      const pieces: Buffer[] = []
      for (let at = 0; at < stream.length; at += size)
        pieces.push(renamer.push(Buffer.from(stream.slice(at, at + size))))
      expect(Buffer.concat([...pieces, renamer.end()]).toString()).toBe(shown)
    },
  )

  test('something far too long to be a name passes as it is', () => {
    const long = `{"model":"${'x'.repeat(300)}"}`
    const renamer = createModelRenamer('asked')
    expect(Buffer.concat([renamer.push(Buffer.from(long)), renamer.end()]).toString()).toBe(long)
  })

  test('in a whole answer only the top level counts', () => {
    const body = Buffer.from('{"model":"v","content":[{"input":{"model":"theirs"}}],"n":1.0}')
    expect(renameWhole(body, 'asked').toString()).toBe(
      '{"model":"asked","content":[{"input":{"model":"theirs"}}],"n":1.0}',
    )
  })
})
