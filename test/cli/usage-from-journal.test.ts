/**
 * `usage` with a journal, and no relay anywhere.
 */
import { appendFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { usage } from '../../src/cli/usage.ts'
import { journalFile } from '../../src/usage/journal.ts'
import { encodeLine } from '../../src/usage/journal-line.ts'
import type { UsageRecord } from '../../src/usage/record.ts'
import { withAccount, writeConfig } from '../config/load-text.ts'

const HOUR_MS = 3_600_000

function record(hoursAgo: number, facts: Partial<UsageRecord> = {}): UsageRecord {
  return {
    at: Date.now() - hoursAgo * HOUR_MS,
    request: 'req_1',
    client: 'laptop',
    account: 'claude',
    model: 'claude-x',
    upstreamModel: 'claude-x',
    protocol: 'anthropic',
    operation: 'generate',
    tokens: { input: 10, cached: 100, cacheWrite: 0, output: 5, reasoning: 0 },
    estimated: false,
    cost: 0.25,
    firstContentMs: 10,
    totalMs: 20,
    attempts: 1,
    outcome: 'served',
    status: 200,
    error: null,
    ...facts,
  }
}

/** A config whose journal holds these, and the way to ask for its sums. */
function keep(...records: readonly UsageRecord[]) {
  const configPath = writeConfig(withAccount({}, { usage_log: 'usage.jsonl' }))
  const journal = join(dirname(configPath), 'usage.jsonl')
  for (const each of records) appendFileSync(journalFile(journal, each.at), encodeLine(each))
  const ask = async (by: 'day' | 'account' | 'token' | 'model', since = '7d') => {
    const said = { out: [] as string[], error: [] as string[] }
    const output = { print: (text: string) => said.out.push(text), complain: (text: string) => said.error.push(text) }
    await usage({ configPath, by, since, format: 'csv' }, output)
    return { lines: said.out.join('\n').split('\n').slice(1), complaints: said.error }
  }
  return { journal, ask }
}

test('the journal is summed up by what is asked for', async () => {
  const { ask } = keep(
    record(1),
    record(1, { client: 'ci', model: 'fast', upstreamModel: 'claude-y', cost: null }),
    record(1, { account: null, status: 401, outcome: 'refused', upstreamModel: null, model: null }),
  )
  expect((await ask('token')).lines).toEqual(['ci,1,0,10,100,0,5,0,0,1', 'laptop,2,1,20,200,0,10,0,0.5,0'])
  expect((await ask('model')).lines).toEqual(['claude-x,1,0,10,100,0,5,0,0.25,0', 'claude-y,1,0,10,100,0,5,0,0,1'])
  expect((await ask('account')).lines).toEqual(['claude,2,0,20,200,0,10,0,0.25,1'])
})

test('it goes back as far as is asked for, in whole days, the oldest first', async () => {
  const { ask } = keep(record(24 * 100), record(24 * 3), record(0))
  const days = async (since: string) => (await ask('day', since)).lines.map((line) => line.split(',')[1])
  expect([await days('1h'), await days('7d'), await days('200d')]).toEqual([['1'], ['1', '1'], ['1', '1', '1']])
  const { lines } = await ask('day', '200d')
  expect(lines).toEqual(lines.toSorted())
})

test('a torn last line is told, and costs nothing else', async () => {
  const { journal, ask } = keep(record(0))
  appendFileSync(journalFile(journal, Date.now()), '{"at":')
  const { lines, complaints } = await ask('account')
  expect(lines).toEqual([expect.stringMatching(/^claude,1,/)])
  expect(complaints).toEqual([
    expect.stringMatching(/usage-\d{4}-\d\d\.jsonl:2: the line is cut off; it is not counted$/),
  ])
})

test('a journal without a line is nothing relayed', async () => {
  const configPath = writeConfig(withAccount({}, { usage_log: 'usage.jsonl' }))
  const printed: string[] = []
  const output = { print: (text: string) => void printed.push(text), complain: () => {} }
  await usage({ configPath, by: 'day', since: '7d', format: 'table' }, output)
  expect(printed).toEqual(['Nothing was relayed in the last 7d.'])
})
