/**
 * Decides with its owner what a first config holds: the keys of the environment, a key that is pasted, or a sign-in.
 */
import { createServer } from 'node:net'
import type { Environment } from '../config/secrets.ts'
import { PLATFORM_NAMES, PLATFORMS, type Platform } from '../core/platforms.ts'
import {
  describeConfig,
  findOffers,
  type FreshAccount,
  type FreshConfig,
  keyAccount,
  USUAL_PORT,
} from './fresh-config.ts'
import { ask, type Terminal } from './question.ts'

export interface FirstConfigWishes {
  /** Whose models the client asks for; null when no client is known yet. */
  readonly platform: Platform | null
  readonly environment: Environment
  /** Null where nobody can be asked. */
  readonly terminal: Terminal | null
  /** How often its owner may be asked, pressing Enter to a wrong answer included. */
  readonly mostQuestions: number
}

export interface FirstConfig {
  readonly config: FreshConfig
  /** What was decided, a line each. */
  readonly said: readonly string[]
  /** The account that has to sign in before it can serve. */
  readonly signIn: string | null
}

const CHATGPT: FreshAccount = { name: 'chatgpt', platform: 'openai', type: 'oauth' }

/** Throws an Error with advice when nobody can be asked and the environment offers nothing; NoAnswer at Ctrl-C. */
export async function decideFirstConfig(wishes: FirstConfigWishes): Promise<FirstConfig> {
  const { accounts, said } = await chooseAccounts(wishes)
  const port = await findPort()
  const modelMap = mapOf(wishes.platform, accounts)
  return {
    config: describeConfig(accounts, port, modelMap),
    said: [
      ...said,
      ...Object.entries(modelMap).map(([asked, served]) => `A model ${asked} is served by ${served}: see model_map.`),
      ...(port === USUAL_PORT ? [] : [`Port ${USUAL_PORT} is taken here, so listen_addr has ${port}.`]),
    ],
    signIn: accounts.includes(CHATGPT) ? CHATGPT.name : null,
  }
}

async function chooseAccounts(
  wishes: FirstConfigWishes,
): Promise<{ accounts: readonly FreshAccount[]; said: readonly string[] }> {
  const { environment, terminal } = wishes
  const offers = findOffers(environment)
  const variables = offers.map(({ variable }) => variable).join(' and ')
  const offered = {
    accounts: offers.map(({ account }) => account),
    said: [offers.length === 1 ? `The key stays in ${variables}.` : `The keys stay in ${variables}.`],
  }
  if (terminal === null) {
    if (offers.length > 0) return offered
    throw new Error(
      'there is no key in the environment and no terminal to ask for one; set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or MISTRAL_API_KEY',
    )
  }
  const answer = await ask(question(variables), terminal)
  if (/^(y|yes)?$/i.test(answer) && offers.length > 0) return offered
  if (/^(login|chatgpt)?$/i.test(answer)) return { accounts: [CHATGPT], said: [] }
  if (answer.length < SHORTEST_KEY || /\s/.test(answer)) throw new Error('that is no API key; nothing was written')
  const platform = vendorOfKey(answer) ?? wishes.platform ?? (await askVendor(terminal, wishes.mostQuestions - 1))
  return { accounts: [keyAccount(platform, answer, environment)], said: [`The key is taken for one of ${platform}.`] }
}

function question(variables: string): string {
  const lines = [
    'Which account shall serve?',
    ...(variables === '' ? [] : [`  Enter   what is in ${variables}`]),
    `  ${variables === '' ? 'Enter' : 'login'}   sign in with ChatGPT`,
    '  a key   paste an API key of Anthropic, OpenAI, Gemini or Mistral (it is not shown)',
  ]
  return `${lines.join('\n')}\n> `
}

/** Shorter than this is a word. */
const SHORTEST_KEY = 12

/** By the form that vendors give to their keys; null for one that has no such mark. */
function vendorOfKey(key: string): Platform | null {
  if (key.startsWith('sk-ant-')) return 'anthropic'
  if (/^(AIza|AQ\.)/.test(key)) return 'gemini'
  return key.startsWith('sk-') ? 'openai' : null
}

async function askVendor(terminal: Terminal, attempts: number): Promise<Platform> {
  for (let left = attempts; left > 0; left--) {
    const answer = (await ask(`Whose key is it? ${PLATFORM_NAMES.join(', ')}: `, terminal)).toLowerCase()
    const found = PLATFORM_NAMES.find((name) => answer !== '' && name.startsWith(answer))
    if (found !== undefined) return found
  }
  throw new Error(`the key tells nothing of its vendor; say one of ${PLATFORM_NAMES.join(', ')}`)
}

/** A client asks for the models of its own vendor; where no account has them, others stand in for them. */
function mapOf(platform: Platform | null, accounts: readonly FreshAccount[]): Record<string, string> {
  const [account] = accounts
  if (platform === null || account === undefined || accounts.some((each) => each.platform === platform)) return {}
  const [family = '*'] = PLATFORMS[platform].families
  return { [family]: STAND_INS[account.platform] }
}

/** What serves when a client asks for another vendor's models. */
const STAND_INS: Record<Platform, string> = {
  anthropic: 'claude-sonnet-5-5',
  openai: 'gpt-5.5',
  gemini: 'gemini-3-pro',
  mistral: 'mistral-large-latest',
}

/** The usual port, or the next one that is free: two relays cannot share it. */
async function findPort(): Promise<number> {
  for (let port = USUAL_PORT; port < USUAL_PORT + 20; port++) if (await isFree(port)) return port
  return USUAL_PORT
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)))
  })
}
