/**
 * How requests that come in one moment are let in.
 */
import type { IncomingMessage } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'
import { readBody } from '../../src/http/body.ts'
import { listen } from '../../src/io/serve.ts'
import { createTurnstile } from '../../src/io/turnstile.ts'
import { createHeartbeat } from '../../src/relay/heartbeat.ts'
import { settle } from '../harness/clock.ts'
import { createDeferred } from '../harness/deferred.ts'
import { rawRequest } from '../harness/raw-client.ts'

function setStage() {
  const stage = { nowMs: 0, begun: [] as string[] }
  const turnstile = createTurnstile({ monotonic: () => stage.nowMs })
  const come = (name: string, isNewcomer: boolean): void =>
    turnstile.enter(isNewcomer, () => void stage.begun.push(name))
  return { stage, come }
}

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`)

describe('requests on known connections', () => {
  test('begin at once, whether alone or a few together', async () => {
    const { stage, come } = setStage()
    for (const name of names(4)) come(name, false)
    expect(stage.begun).toEqual(names(4))
    await settle(1)
    come('the next', false)
    expect(stage.begun).toHaveLength(5)
  })

  test('begin by the handful when they are many, in their order, and the event loop turns in between', async () => {
    const { stage, come } = setStage()
    for (const name of names(50)) come(name, false)
    const counts = [stage.begun.length]
    for (let turns = 0; turns < 4; turns++) {
      await settle(1)
      counts.push(stage.begun.length)
    }
    // A larger handful for every turn that was short, up to 16.
    expect(counts).toEqual([4, 12, 28, 44, 50])
    expect(stage.begun).toEqual(names(50))
  })

  test('begin by ever smaller handfuls while a turn takes long, as in a process just started', async () => {
    const { stage, come } = setStage()
    for (const name of names(12)) come(name, false)
    const counts = [stage.begun.length]
    for (let turns = 0; turns < 4; turns++) {
      stage.nowMs += 9
      await settle(1)
      counts.push(stage.begun.length)
    }
    expect(counts).toEqual([4, 6, 8, 10, 12])
  })

  test('begin by large handfuls all the same when they have waited for a tenth of a second', async () => {
    const { stage, come } = setStage()
    for (const name of names(60)) come(name, false)
    const counts = [stage.begun.length]
    for (let turns = 0; turns < 5; turns++) {
      stage.nowMs += 40
      await settle(1)
      counts.push(stage.begun.length)
    }
    expect(counts).toEqual([4, 6, 8, 10, 26, 42])
  })
})

describe('newcomers', () => {
  test('begin at once when they come one after the other', async () => {
    const { stage, come } = setStage()
    for (const name of names(5)) {
      stage.nowMs += 2
      come(name, true)
      await settle(1)
    }
    expect(stage.begun).toEqual(names(5))
  })

  test('wait while every turn brings another one, and begin when a turn brings none', async () => {
    const { stage, come } = setStage()
    for (const name of names(10)) {
      come(name, true)
      await settle(1)
    }
    // The first came before there was a crowd.
    expect(stage.begun).toEqual(['0'])
    await settle(2)
    expect(stage.begun).toEqual(names(10))
  })

  test('of a crowd that comes and comes wait 15 ms at most', async () => {
    const { stage, come } = setStage()
    // From four in a turn to sixteen.
    for (const name of names(28)) come(name, false)
    await settle(3)
    stage.begun = []
    const cameAt: number[] = []
    const waitedMs: number[] = []
    for (const name of names(100)) {
      cameAt.push(stage.nowMs)
      come(name, true)
      stage.nowMs += 1
      await settle(1)
      while (waitedMs.length < stage.begun.length) waitedMs.push(stage.nowMs - (cameAt[waitedMs.length] as number))
    }
    expect(waitedMs.length).toBeGreaterThan(80)
    expect(Math.max(...waitedMs)).toBeGreaterThan(10)
    expect(Math.max(...waitedMs)).toBeLessThan(20)
  })

  test('do not hold up those who have been here before', () => {
    const { stage, come } = setStage()
    come('the first', true)
    come('one of a crowd', true)
    come('known', false)
    expect(stage.begun).toEqual(['the first', 'known'])
  })
})

test('a client that leaves before it is let in is known to have left when its body is read', async () => {
  const clock = createSystemClock()
  const arrived = createDeferred()
  const refused = createDeferred<unknown>()
  const listener = (incoming: IncomingMessage): void => {
    arrived.resolve()
    const limits = { maxBytes: 99, askFor: () => {}, clock, heartbeat: createHeartbeat(clock) }
    // As late as in a large crowd.
    incoming.once('close', () => void readBody(incoming, limits).catch(refused.resolve))
  }
  const server = await listen({ host: '127.0.0.1', port: 0, clock, listener })
  onTestFinished(() => server.close())
  const leaving = rawRequest(server.port, { method: 'POST', body: '{}' })
  await arrived.promise
  leaving.abort('reset')
  expect(await refused.promise).toMatchObject({ kind: 'client_gone' })
})
