/**
 * The ChatGPT backend as a variant of the Responses vendor: its path, its refusals in its own words, and its streams that end
 * with an empty `output`.
 */
import type { JsonObject } from '../../src/core/json.ts'
import { answerWith, fail } from './reactions.ts'
import { isStep, type Reaction, type ReplyPart, type Twist } from './reply.ts'
import type { Answer } from './streams.ts'
import type { VendorRequest } from './vendor-request.ts'

export const CHATGPT_PATH = '/backend-api/codex/responses'

/** An account of a relay under test that is signed in to ChatGPT; its token is its name. */
export function chatgptAccount(url: string, name = 'plus', facts: JsonObject = {}): JsonObject {
  return {
    name,
    platform: 'openai',
    type: 'oauth',
    access_token: name,
    chatgpt_account_id: `account-of-${name}`,
    expires_at: '2099-01-01T00:00:00Z',
    base_url: url,
    ...facts,
  }
}

/** Answers as the backend does, or refuses what it does not take. `alsoRefused` are members of the list it refuses, too. */
export function chatgpt(
  answer: Answer | string,
  { alsoRefused = [] as readonly string[] } = {},
  ...twists: Twist[]
): Reaction {
  return (request) => {
    const refusal = findFault(request, alsoRefused)
    if (refusal !== null) return fail(400, { body: { detail: refusal } })(request)
    const told = typeof answer === 'string' ? { text: answer } : answer
    return answerWith(told, emptyOutput, ...twists)(request)
  }
}

/** What the vendor's own client sends. */
const TAKEN = new Set(
  (
    'client_metadata include input instructions model parallel_tool_calls prompt_cache_key reasoning service_tier store ' +
    'stream text tool_choice tools'
  ).split(' '),
)

function findFault({ target, body }: VendorRequest, alsoRefused: readonly string[]): string | null {
  const [path = ''] = target.split('?')
  if (path === `${CHATGPT_PATH}/compact`) return null
  if (path !== CHATGPT_PATH) return `No such path: ${path}`
  if (body['store'] !== false) return 'Store must be set to false'
  if (body['stream'] !== true) return 'Stream must be set to true'
  if (!Array.isArray(body['input'])) return 'Input must be a list'
  const items = body['input'] as JsonObject[]
  if (items.some(({ role }) => role === 'system')) return 'System messages are not allowed'
  const speaks = body['instructions'] !== undefined || items.some(({ role }) => role === 'developer')
  if (!speaks) return 'Instructions are required'
  const unknown = Object.keys(body).find((name) => !TAKEN.has(name) || alsoRefused.includes(name))
  return unknown === undefined ? null : `Unsupported parameter: ${unknown}`
}

/** The items are told once, when they are done. */
const emptyOutput: Twist = (reply) => ({ ...reply, body: reply.body.map(withoutOutput) })

function withoutOutput(part: ReplyPart): ReplyPart {
  if (Buffer.isBuffer(part) || isStep(part) || part.kind !== 'terminal') return part
  const text = part.text.replace(/^data: (.*)$/m, (line, json: string) => {
    const event = JSON.parse(json) as JsonObject
    const response = event['response'] as JsonObject | undefined
    return response === undefined
      ? line
      : `data: ${JSON.stringify({ ...event, response: { ...response, output: [] } })}`
  })
  return { ...part, text }
}
