/**
 * Many clients: nothing of them stays, and no limit gives way. The stories need nothing that only this process has, so a
 * program plays them too, and is asked for `/health` meanwhile. To a program the clients come and go a few at a time, as
 * people and agents do: the runtime takes in hundreds of new connections in one moment before it looks at anything else.
 */
import { expect, test } from 'vitest'
import { createSeededRandom } from '../core/seeded-random.ts'
import { binary } from '../harness/chosen-program.ts'
import { settle } from '../harness/clock.ts'
import { createDeferred } from '../harness/deferred.ts'
import { rawConnect, type RawExchange } from '../harness/raw-client.ts'
import { after, answerText, beforeHead, pause, slice, stall } from '../harness/reactions.ts'
import { TOKEN } from '../harness/relay.ts'
import { collectWarnings } from '../harness/warnings.ts'
import { ask, type HubLane, setStage, type Stage } from './four-dialects.ts'

const BYTE_LANE: HubLane = { client: 'anthropic', upstream: 'anthropic' }
const HUB_LANE: HubLane = { client: 'openai-chat', upstream: 'anthropic' }

/** Resolves when all have come; their answers are still to be awaited. */
async function comeByTheHandful(count: number, handful: number, come: () => RawExchange): Promise<RawExchange[]> {
  const clients: RawExchange[] = []
  while (clients.length < count) {
    for (let i = 0; i < handful; i++) clients.push(come())
    await settle()
  }
  return clients
}

/** A program's first requests are slow, because its code is compiled as it is used: that is no matter of crowds. */
async function serveForAWhile({ send }: Stage): Promise<void> {
  if (binary === undefined) return
  for (let i = 0; i < 200; i++) await send({ stream: i % 2 === 0 })
}

test.each([
  [500, 'byte lane', BYTE_LANE],
  [300, 'hub lane', HUB_LANE],
] as const)(
  'rows 53 and 54: %i clients of the %s come and leave at random moments, and nothing of them stays',
  async (count, _lane, talk) => {
    const warnings = collectWarnings()
    const random = createSeededRandom(54)
    const accounts = { a: { concurrency: 20 }, b: { concurrency: 20 } }
    const stage = await setStage(talk, { queue: { size: 500, timeout: '30s' } }, accounts)
    const { vendor, relay, send } = stage
    await serveForAWhile(stage)
    const reactions = [
      answerText('hello', beforeHead(stall())),
      answerText('hello', stall()),
      answerText('hello', after('content', stall())),
      answerText('hello', slice(1)),
      answerText('hello'),
    ]
    vendor.always((request) => random.pick(reactions)(request))

    const departures = Array.from({ length: 5 }, () => createDeferred())
    async function* stuckUpload() {
      yield '{"model":'
      await departures.at(-1)?.promise
    }
    const comeToLeave = (): RawExchange => {
      const { path, body } = ask(talk.client, random.whole(2) === 0)
      const on = random.pick([random.pick(departures).promise, settle(random.whole(300))])
      return rawConnect(relay.port).send({
        method: 'POST',
        path,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: random.whole(5) === 0 ? stuckUpload() : body,
        abort: {
          how: random.pick(['close', 'reset'] as const),
          on,
          ...(random.whole(3) === 0 ? { afterBytes: 1 + random.whole(600) } : {}),
        },
      })
    }
    const clients = await comeByTheHandful(count, binary === undefined ? count : 10, comeToLeave)
    for (const departure of departures) {
      departure.resolve()
      await settle()
    }
    const endings = (await Promise.all(clients)).map(({ ended }) => ended)
    expect(endings.filter((ended) => ended === 'aborted').length).toBeGreaterThan(count * 0.6)
    // That nothing is left is what the stage sees to in the end.
    await relay.settled(200)
    vendor.always(answerText('hello'))
    expect((await send({ stream: false })).status).toBe(200)
    expect(warnings).toEqual([])
  },
)

test('row 62: 2,000 in two seconds with three slots: three at a time are served, a hundred wait, the rest hear 429', async () => {
  const stage = await setStage(BYTE_LANE, {}, { a: { concurrency: 3 } })
  const { vendor, relay, send } = stage
  await serveForAWhile(stage)
  vendor.always(answerText('hello', beforeHead(pause())))
  const earlier = relay.log.length
  const clients = await comeByTheHandful(2_000, 50, () => send({ stream: false }))
  while (relay.log.length < earlier + 1_897) await settle()
  expect(vendor.load).toMatchObject({ active: 3, peak: 3 })
  while (relay.log.length < earlier + 2_000) {
    vendor.resume()
    await settle()
  }
  const statuses = (await Promise.all(clients)).map(({ status }) => status)
  expect(statuses.filter((status) => status === 200)).toHaveLength(103)
  expect(statuses.filter((status) => status === 429)).toHaveLength(1_897)
  expect(vendor.load.peak).toBe(3)
})
