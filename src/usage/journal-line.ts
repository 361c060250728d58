/**
 * A record as one line of the journal: JSON, with names like those of the config, so that `jq` and people can read it.
 */
import type { UsageRecord } from './record.ts'

export function encodeLine(record: UsageRecord): string {
  const { tokens } = record
  const line = {
    time: new Date(record.at).toISOString(),
    request: record.request,
    token: record.client,
    account: record.account,
    model: record.model,
    upstream_model: record.upstreamModel,
    protocol: record.protocol,
    operation: record.operation,
    input: tokens.input,
    cached: tokens.cached,
    cache_write: tokens.cacheWrite,
    output: tokens.output,
    reasoning: tokens.reasoning,
    estimated: record.estimated,
    cost: record.cost,
    first_content_ms: record.firstContentMs,
    total_ms: record.totalMs,
    attempts: record.attempts,
    outcome: record.outcome,
    status: record.status,
    error: record.error,
  }
  return `${JSON.stringify(line)}\n`
}

/** Null for a line that is none of ours, or only half of one. Members that are missing count as nothing. */
export function decodeLine(line: string): UsageRecord | null {
  const members = parseObject(line)
  if (members === null) return null
  const at = Date.parse(textOf(members['time']) ?? '')
  const client = textOf(members['token'])
  const outcome = OUTCOMES.find((known) => known === members['outcome'])
  if (Number.isNaN(at) || client === null || outcome === undefined) return null
  return {
    at,
    request: textOf(members['request']) ?? '',
    client,
    account: textOf(members['account']),
    model: textOf(members['model']),
    upstreamModel: textOf(members['upstream_model']),
    protocol: textOf(members['protocol']) ?? '',
    operation: textOf(members['operation']) ?? 'generate',
    tokens: {
      input: numberOf(members['input']) ?? 0,
      cached: numberOf(members['cached']) ?? 0,
      cacheWrite: numberOf(members['cache_write']) ?? 0,
      output: numberOf(members['output']) ?? 0,
      reasoning: numberOf(members['reasoning']) ?? 0,
    },
    estimated: members['estimated'] === true,
    cost: numberOf(members['cost']),
    firstContentMs: numberOf(members['first_content_ms']),
    totalMs: numberOf(members['total_ms']) ?? 0,
    attempts: numberOf(members['attempts']) ?? 0,
    outcome,
    status: numberOf(members['status']) ?? 0,
    error: textOf(members['error']),
  }
}

const OUTCOMES = ['served', 'failed', 'broken', 'gone', 'refused'] as const

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(line) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** Counts and sums are never below nothing; a file that says so has been tampered with. */
function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}
