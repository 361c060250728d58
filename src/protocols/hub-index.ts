/**
 * The four dialects in their roles for the hub lane: any of the first may be joined to any of the second.
 */
import type { Protocol } from '../core/account.ts'
import { hubDownstream as anthropicDownstream } from './anthropic/hub-downstream.ts'
import { hubUpstream as anthropicUpstream } from './anthropic/hub-upstream.ts'
import { hubDownstream as geminiDownstream } from './gemini/hub-downstream.ts'
import { hubUpstream as geminiUpstream } from './gemini/hub-upstream.ts'
import type { HubDownstream, HubUpstream } from './hub-contract.ts'
import { hubDownstream as chatDownstream } from './openai-chat/hub-downstream.ts'
import { hubUpstream as chatUpstream } from './openai-chat/hub-upstream.ts'
import { hubDownstream as responsesDownstream } from './openai-responses/hub-downstream.ts'
import { hubUpstream as responsesUpstream } from './openai-responses/hub-upstream.ts'

export const hubDownstreams: Readonly<Record<Protocol, HubDownstream>> = {
  anthropic: anthropicDownstream,
  'openai-responses': responsesDownstream,
  'openai-chat': chatDownstream,
  gemini: geminiDownstream,
}

export const hubUpstreams: Readonly<Record<Protocol, HubUpstream>> = {
  anthropic: anthropicUpstream,
  'openai-responses': responsesUpstream,
  'openai-chat': chatUpstream,
  gemini: geminiUpstream,
}
