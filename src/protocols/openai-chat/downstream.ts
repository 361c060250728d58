/**
 * Serves a client that speaks OpenAI's Chat Completions protocol.
 */
import type { Downstream } from '../contract.ts'
import { type ConversationLayout, findParts, membersOf } from '../conversation.ts'
import { readBodyEnvelope } from '../envelope.ts'
import { encodeJson } from '../error-answer.ts'
import { openaiError, openaiErrorAnswer } from '../openai-error.ts'

export const downstream: Downstream = {
  protocol: 'openai-chat',
  readEnvelope: (body) => readBodyEnvelope(body, OUTLINED),
  readConversation: (body, outline) => findParts(body, outline, LAYOUT),
  encodeError: (error) => openaiErrorAnswer(error, openaiError(error)),
  encodeStreamError: (error) => `data: ${encodeJson({ error: openaiError(error) })}\n\n`,
  keepalive: () => ': keepalive\n\n',
}

const LAYOUT: ConversationLayout = {
  session: ['prompt_cache_key'],
  preamble: ['tools'],
  messages: 'messages',
  sessionOf: (_, value) => (typeof value === 'string' ? value : null),
}
const OUTLINED = membersOf(LAYOUT)
