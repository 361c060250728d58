/**
 * `explain <model>`: who would serve it now, in which order, and for everybody else why not.
 */
import type { Protocol } from '../core/platforms.ts'
import { createSystemClock } from '../core/clock.ts'
import { formatDuration } from '../core/duration.ts'
import { printable } from '../core/printable.ts'
import type { ExplainView } from '../http/views.ts'
import { alignColumns } from './columns.ts'
import type { Output } from './output.ts'
import { findRunningRelay } from './running-relay.ts'

export interface ExplainOptions {
  readonly configPath: string
  readonly model: string
  /** In whose words a client asks for it. */
  readonly protocol: ProtocolName
  readonly json: boolean
}

/** The protocols by the last part of their paths, as people know them. */
export type ProtocolName = 'messages' | 'responses' | 'chat' | 'gemini'

const PROTOCOLS: Record<ProtocolName, Protocol> = {
  messages: 'anthropic',
  responses: 'openai-responses',
  chat: 'openai-chat',
  gemini: 'gemini',
}

/** The exit code is 1 when nobody would serve it. Throws ConfigError, and an Error when the relay cannot be asked. */
export async function explain({ configPath, model, protocol, json }: ExplainOptions, output: Output): Promise<number> {
  const relay = await findRunningRelay(configPath)
  const query = new URLSearchParams({ model, protocol: PROTOCOLS[protocol] })
  const view = await relay.get<ExplainView>(`/admin/explain?${query.toString()}`)
  output.print(json ? JSON.stringify(view, null, 2) : toText(view, createSystemClock().now()).join('\n'))
  return view.ready.length === 0 ? 1 : 0
}

function toText(view: ExplainView, now: number): string[] {
  const { model, chain, ready, excluded } = view
  const renamed = chain.length === 1 && chain[0] === model ? [] : [`${model} is served as ${chain.join(', else ')}.`]
  const order = ready.map((each, place) => [
    `${place + 1}.`,
    each.account,
    each.upstream_model,
    each.lane === 'byte' ? 'in its own words' : 'translated',
    `priority ${each.priority}`,
    `${each.in_flight} in flight`,
  ])
  const rest = excluded.map(({ account, reason, message, until }) => [
    account,
    reason.replaceAll('_', ' '),
    until === null ? '' : `for ${formatDuration(Math.max(0, Date.parse(until) - now))}`,
    message,
  ])
  return [
    ...renamed.map(printable),
    ready.length === 0 ? `Nobody would serve ${printable(model)} now.` : 'Would serve it now, in this order:',
    ...alignColumns(order).map(indent),
    ...(rest.length === 0 ? [] : ['Would not:', ...alignColumns(rest).map(indent)]),
  ]
}

function indent(line: string): string {
  return `  ${line}`
}
