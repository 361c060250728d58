/**
 * The vendors we can call. A new one is a file beside this and a line here.
 */
import type { Account, Platform } from '../core/account.ts'
import { anthropic } from './anthropic.ts'
import { chatgpt } from './chatgpt.ts'
import type { Provider } from './contract.ts'
import { gemini } from './gemini.ts'
import { openai } from './openai.ts'

const PROVIDERS: Record<Platform, Provider> = { anthropic, openai, gemini }

/** ChatGPT sign-ins have a backend of their own. */
export function providerOf({ platform, type }: Account): Provider {
  return platform === 'openai' && type === 'oauth' ? chatgpt : PROVIDERS[platform]
}
