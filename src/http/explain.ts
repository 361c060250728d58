/**
 * Who would serve a model now, in order, and why the others would not.
 */
import type { ClientToken, Protocol } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { mostSpecific } from '../core/match.ts'
import type { Pool } from '../pool/pool.ts'
import { reasonOf } from '../pool/reasons.ts'
import { modelChain } from '../relay/model-chain.ts'
import { timeOf } from './account-view.ts'
import type { ExplainView } from './views.ts'

export interface Question {
  readonly model: string
  readonly protocol: Protocol
  /** Whose maps and limits count; null for nobody's. */
  readonly client: ClientToken | null
}

type MutableView = {
  -readonly [Member in keyof ExplainView]: Array<ExplainView[Member] extends ReadonlyArray<infer Item> ? Item : never>
}

/** `modelMap` is the global one. */
export function explain(
  { model, protocol, client }: Question,
  modelMap: ReadonlyMap<string, readonly string[]>,
  pool: Pool,
  { clock, redact }: { readonly clock: Clock; readonly redact: (text: string) => string },
): ExplainView {
  const chain = modelChain(model, client?.modelMap ?? new Map(), modelMap)
  const ready: MutableView['ready'] = []
  const excluded = new Map<string, ExplainView['excluded'][number]>()
  for (const name of chain) {
    const selection = pool.explain({ protocol, model: name, confinedTo: client?.accounts ?? [] })
    for (const { account, protocols, inFlight } of selection.ready) {
      const [upstreamModel = name] = mostSpecific(account.modelMap, name) ?? []
      ready.push({
        account: account.name,
        upstream_model: upstreamModel,
        lane: protocols.includes(protocol) ? 'byte' : 'hub',
        priority: account.priority,
        in_flight: inFlight,
      })
    }
    for (const exclusion of selection.excluded) {
      const { account } = exclusion.state
      // What keeps it from the first name that it is asked for says most.
      if (excluded.has(account.name)) continue
      const { until } = exclusion
      excluded.set(account.name, {
        account: account.name,
        reason: exclusion.reason,
        message: redact(reasonOf(exclusion, name, clock.now())).slice(0, 300),
        until: until === null ? null : timeOf(clock.now() + until - clock.monotonic()),
      })
    }
  }
  const serving = new Set(ready.map(({ account }) => account))
  return {
    model,
    protocol,
    chain,
    ready,
    excluded: [...excluded.values()].filter(({ account }) => !serving.has(account)),
  }
}
