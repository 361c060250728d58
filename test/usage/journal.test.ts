/**
 * The journal of usage: what stands in it, what becomes of it when disks and processes fail, and what is brought back from it.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { restoreUsage } from '../../src/cli/restore-usage.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/io/log.ts'
import { encodeLine } from '../../src/usage/journal-line.ts'
import { readJournal, type SkippedLine } from '../../src/usage/read-journal.ts'
import type { UsageRecord } from '../../src/usage/record.ts'
import { answerWith } from '../harness/reactions.ts'
import { startRelay, type TestRelay, TOKEN } from '../harness/relay.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const DAY = 24 * 3600 * 1000
const QUESTION = { model: 'claude-sonnet-4-5', max_tokens: 9, messages: [] }

interface Stage {
  readonly relay: TestRelay
  readonly vendor: Vendor
  readonly folder: string
  readonly ask: () => Promise<number | null>
  /** What the files of the folder hold, once everything is written. */
  readonly written: () => Promise<Record<string, string>>
}

async function start(settings: object = {}): Promise<Stage> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const relay = await startRelay({
    auth_tokens: [{ token: TOKEN, name: 'mate' }],
    accounts: [{ name: 'claude', api_key: 'a-secret-key', base_url: vendor.url }],
    usage_log: 'usage.jsonl',
    ...settings,
  })
  onTestFinished(() => relay.stop())
  vendor.always(answerWith({ text: 'hello', usage: { input: 1000, cached: 500, output: 100 } }))
  const folder = dirname(relay.configPath)
  return {
    relay,
    vendor,
    folder,
    ask: async () => (await relay.post('/v1/messages', QUESTION)).status,
    async written() {
      await relay.parts.journal?.close()
      const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))
      return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
    },
  }
}

async function restored({ relay }: Stage): Promise<void> {
  const { config } = await loadConfig(relay.configPath, {})
  const log = createLog({
    format: 'json',
    level: 'debug',
    clock: relay.clock,
    secrets: [],
    hasColours: false,
    write: (line) => (relay.log as unknown[]).push(JSON.parse(line)),
  })
  await restoreUsage(config, relay.parts, relay.clock, log)
}

const RECORD: UsageRecord = {
  at: Date.UTC(2026, 10, 20, 11),
  request: 'req_1',
  client: 'mate',
  account: 'claude',
  model: 'fast',
  upstreamModel: 'claude-haiku-4-5',
  protocol: 'anthropic',
  operation: 'generate',
  tokens: { input: 10, cached: 20, cacheWrite: 30, output: 40, reasoning: 5 },
  estimated: false,
  cost: 0.25,
  firstContentMs: 12,
  totalMs: 34,
  attempts: 1,
  outcome: 'served',
  status: 200,
  error: null,
}

async function recordsIn(path: string, since = 0): Promise<{ records: UsageRecord[]; skipped: SkippedLine[] }> {
  const skipped: SkippedLine[] = []
  const records: UsageRecord[] = []
  for await (const record of readJournal(path, since, (line) => skipped.push(line))) records.push(record)
  return { records, skipped }
}

describe('a request', () => {
  test('is one line, in a file that only its owner may read', async () => {
    const { ask, written, folder } = await start()
    expect(await ask()).toBe(200)
    const files = await written()
    expect(Object.keys(files)).toEqual(['usage-2026-11.jsonl'])
    expect(JSON.parse(files['usage-2026-11.jsonl'] as string)).toEqual({
      time: '2026-11-20T12:00:00.000Z',
      request: expect.stringMatching(/^req_/),
      token: 'mate',
      account: 'claude',
      model: 'claude-sonnet-4-5',
      upstream_model: 'claude-sonnet-4-5',
      protocol: 'anthropic',
      operation: 'generate',
      input: 1000,
      cached: 500,
      cache_write: 0,
      output: 100,
      reasoning: 0,
      estimated: false,
      cost: 0.00465,
      first_content_ms: 0,
      total_ms: 0,
      attempts: 1,
      outcome: 'served',
      status: 200,
      error: null,
    })
    expect(statSync(join(folder, 'usage-2026-11.jsonl')).mode & 0o777).toBe(0o600)
  })

  test('that was refused is one as well, without secrets', async () => {
    const { relay, written } = await start()
    await relay.post('/v1/messages', `{"a-secret-key`)
    expect(Object.values(await written())[0]).toContain('"outcome":"refused","status":400')
    expect(Object.values(await written())[0]).not.toContain('a-secret-key')
  })

  test('is none where no journal is asked for', async () => {
    const { ask, written } = await start({ usage_log: undefined })
    await ask()
    expect(await written()).toEqual({})
  })

  test('stands in the file of its month', async () => {
    const { relay, ask, written, folder } = await start()
    for (let month = 0; month < 3; month++) {
      await ask()
      relay.clock.jump(20 * DAY)
    }
    expect(Object.keys(await written())).toEqual(['usage-2026-11.jsonl', 'usage-2026-12.jsonl'])
    const path = join(folder, 'usage.jsonl')
    expect((await recordsIn(path)).records).toHaveLength(3)
    expect((await recordsIn(path, Date.UTC(2026, 11, 2))).records).toHaveLength(2)
  })
})

describe('a journal', () => {
  test('reads back what was written', async () => {
    const { folder } = await start()
    writeFileSync(join(folder, 'usage-2026-11.jsonl'), encodeLine(RECORD) + encodeLine({ ...RECORD, cost: null }))
    expect(await recordsIn(join(folder, 'usage.jsonl'))).toEqual({
      records: [RECORD, { ...RECORD, cost: null }],
      skipped: [],
    })
  })

  test('that does not exist has no records', async () => {
    expect(await recordsIn('/nonexistent/usage.jsonl')).toEqual({ records: [], skipped: [] })
  })

  test('whose last line was cut off goes on with a new line, and tells of the old one', async () => {
    const { ask, written, folder } = await start()
    const file = join(folder, 'usage-2026-11.jsonl')
    writeFileSync(file, encodeLine(RECORD) + encodeLine(RECORD).slice(0, 40))
    const path = join(folder, 'usage.jsonl')
    expect(await recordsIn(path)).toEqual({ records: [RECORD], skipped: [{ file, line: 2, isLast: true }] })
    await ask()
    await written()
    const { records, skipped } = await recordsIn(path)
    expect([records.map(({ request }) => request.slice(0, 4)), skipped]).toEqual([
      ['req_', 'req_'],
      [{ file, line: 2, isLast: false }],
    ])
  })

  test.each(['', 'null', '[]', '{}', '{"time":"x","token":"a"}', '{"time":1e99}', '"' + 'x'.repeat(100)])(
    'skips a line like %j',
    async (line) => {
      const { folder } = await start()
      writeFileSync(join(folder, 'usage-2026-11.jsonl'), `${line}\n${encodeLine(RECORD)}`)
      expect((await recordsIn(join(folder, 'usage.jsonl'))).records).toEqual([RECORD])
    },
  )

  test('that cannot be written fails no request, is told of once, and is made up for', async () => {
    const { relay, ask, folder } = await start({ usage_log: 'later/usage.jsonl' })
    const told = () => relay.log.filter(({ event }) => String(event).startsWith('usage_log')).map(({ event }) => event)
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 200])
    await relay.clock.advance(30_000)
    await expect.poll(told, { interval: 5 }).toEqual(['usage_log.failed'])
    mkdirSync(join(folder, 'later'))
    await relay.clock.advance(10_000)
    await expect.poll(told, { interval: 5 }).toEqual(['usage_log.failed', 'usage_log.recovered'])
    await ask()
    await relay.parts.journal?.close()
    expect((await recordsIn(join(folder, 'later/usage.jsonl'))).records).toHaveLength(4)
  })
})

describe('at the start', () => {
  test('sums and budgets come back, and a line that was cut off is told of', async () => {
    const stage = await start({ auth_tokens: [{ token: TOKEN, name: 'mate', budget: { month: 6, day: 0.6 } }] })
    const { relay, folder, ask } = stage
    // A request a day from the first of the month on.
    const lines = Array.from({ length: 20 }, (_, day) => encodeLine({ ...RECORD, at: Date.UTC(2026, 10, day + 1, 11) }))
    writeFileSync(join(folder, 'usage-2026-11.jsonl'), lines.join(''))
    appendFileSync(join(folder, 'usage-2026-11.jsonl'), '{"time":')
    await restored(stage)
    expect(relay.parts.limiter.use('mate')).toMatchObject({ day: { cost: 0.25 }, month: { cost: 5 } })
    expect(relay.parts.recorder.totals('day', 0)).toHaveLength(20)
    expect(relay.parts.recorder.totals('account', 0)).toMatchObject([
      { key: 'claude', totals: { requests: 20, cost: 5 } },
    ])
    expect(relay.log).toMatchObject([
      { event: 'usage_log.skipped', line: 21, reason: expect.stringContaining('cut off') },
    ])
    expect(await ask()).toBe(200)
  })

  test('what was spent keeps out what goes beyond the budget', async () => {
    const stage = await start({ auth_tokens: [{ token: TOKEN, name: 'mate', budget: { day: 0.25 } }] })
    writeFileSync(join(stage.folder, 'usage-2026-11.jsonl'), encodeLine(RECORD))
    await restored(stage)
    expect(await stage.ask()).toBe(429)
  })
})
