/**
 * Events of several megabytes on the hub lane, where they are translated in steps: nothing is lost, torn or out of order,
 * whatever comes behind them.
 */
import { describe, expect, test } from 'vitest'
import { settle } from '../harness/clock.ts'
import { after, answerText, cut, end, type Piece } from '../harness/reactions.ts'
import { onlyInThisProcess } from '../harness/relay-program.ts'
import { readText } from '../harness/sse.ts'
import { type HubLane, lastRecord, setStage } from '../faults/four-dialects.ts'

const LANE: HubLane = { client: 'openai-chat', upstream: 'anthropic' }
/** Odd in length, so that pieces would end inside of characters. */
const LONG = `a${'😀é\\n'.repeat(700_000)}`
const SAID = JSON.parse(`"${LONG}"`) as string

const says = (text: string): string =>
  `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${text}"}}\n\n`

const answerWith = (...pieces: Piece[]) => answerText('begin', after('content', ...pieces))

describe('a large event', () => {
  test.each([
    ['alone', [says(LONG)], SAID],
    ['with small ones around it', [says('1'), says(LONG), says('2'), says('3')], `1${SAID}23`],
    ['in one packet with them', [says('1') + says(LONG) + says('2')], `1${SAID}2`],
    ['behind another one', [says(LONG), says(LONG)], SAID + SAID],
  ])('%s arrives whole and in order', async (_what, pieces, text) => {
    const { vendor, relay, send } = await setStage(LANE)
    vendor.script(answerWith(...pieces))
    const { body, ended } = await send()
    expect(ended).toBe('clean')
    expect(readText(body) === `begin${text}`).toBe(true)
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
  })

  test('is part of a whole answer', async () => {
    const { vendor, send } = await setStage(LANE)
    vendor.script(answerWith(says(LONG), says('2')))
    const { status, body } = await send({ stream: false })
    const { choices } = JSON.parse(String(body)) as { choices: Array<{ message: { content: string } }> }
    expect([status, choices[0]?.message.content === `begin${SAID}2`]).toEqual([200, true])
  })

  test('before a break is passed on, and the break is told behind it', async () => {
    const { vendor, relay, send } = await setStage(LANE)
    vendor.script(answerWith(says(LONG), cut()))
    const { body } = await send()
    expect(readText(body) === `begin${SAID}`).toBe(true)
    expect(String(body.subarray(-400))).toContain('"error"')
    expect(lastRecord(relay)).toMatchObject({ outcome: 'broken' })
  })

  test('behind which the blank line is missing is passed on as well', async () => {
    const { vendor, send } = await setStage(LANE)
    vendor.script(answerWith(says(LONG).trimEnd(), end()))
    const { body } = await send()
    expect(readText(body) === `begin${SAID}`).toBe(true)
    expect(String(body.subarray(-400))).toContain('"error"')
  })

  test('that is no JSON is told as such', async () => {
    const { vendor, relay, send } = await setStage(LANE)
    vendor.script(answerWith(says(`${LONG}\t`), says('2')))
    const { body } = await send()
    expect(readText(body)).toBe('begin')
    expect(String(body.subarray(-400))).toContain('not JSON')
    expect(lastRecord(relay)).toMatchObject({ outcome: 'broken' })
  })

  test('waits for a client that does not read, and for nobody when it has left', async () => {
    onlyInThisProcess('the turns of this event loop')
    const { vendor, relay, send } = await setStage(LANE)
    vendor.script(answerWith(says(LONG), says('2')), answerWith(says(LONG), says('2')))
    const slow = send({ neverReads: true })
    await settle(500)
    slow.resumeReading()
    expect(readText((await slow).body) === `begin${SAID}2`).toBe(true)
    const leaving = send({ neverReads: true })
    await settle(200)
    leaving.abort('reset')
    await leaving.catch(() => {})
    await settle(200)
    expect(lastRecord(relay)).toMatchObject({ outcome: 'gone' })
  })
})
