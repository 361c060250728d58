/**
 * The wire protocols. A new one is a folder beside this and a line here.
 */
import type { Protocol } from '../core/account.ts'
import { downstream as anthropicDownstream } from './anthropic/downstream.ts'
import { upstream as anthropicUpstream } from './anthropic/upstream.ts'
import type { Downstream, Upstream } from './contract.ts'
import { downstream as geminiDownstream } from './gemini/downstream.ts'
import { upstream as geminiUpstream } from './gemini/upstream.ts'
import { downstream as chatDownstream } from './openai-chat/downstream.ts'
import { upstream as chatUpstream } from './openai-chat/upstream.ts'
import { downstream as responsesDownstream } from './openai-responses/downstream.ts'
import { upstream as responsesUpstream } from './openai-responses/upstream.ts'

export const protocols: Readonly<Record<Protocol, { readonly downstream: Downstream; readonly upstream: Upstream }>> = {
  anthropic: { downstream: anthropicDownstream, upstream: anthropicUpstream },
  'openai-responses': { downstream: responsesDownstream, upstream: responsesUpstream },
  'openai-chat': { downstream: chatDownstream, upstream: chatUpstream },
  gemini: { downstream: geminiDownstream, upstream: geminiUpstream },
}
