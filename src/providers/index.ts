/**
 * The vendors we can call. A new one is a file beside this, a line here, and its facts in `core/platforms.ts`.
 */
import type { Account, Platform } from '../core/account.ts'
import { anthropic } from './anthropic.ts'
import { chatgpt } from './chatgpt.ts'
import type { Provider } from './contract.ts'
import { gemini } from './gemini.ts'
import { mistral } from './mistral.ts'
import { openai } from './openai.ts'

const PROVIDERS: Record<Platform, Provider> = { anthropic, openai, gemini, mistral }

/** ChatGPT sign-ins have a backend of their own. */
export function providerOf({ platform, type }: Account): Provider {
  return platform === 'openai' && type === 'oauth' ? chatgpt : PROVIDERS[platform]
}
