/**
 * How many tokens a request will cost, where no vendor can be asked. An estimate, meant to be a little high: a client that
 * counts too low compacts its history too late.
 */
import type { Conversation, Part } from './hub.ts'

/** English prose has about four characters a token, code and JSON fewer. */
const ASCII_PER_TOKEN = 3.6
/** Scripts without spaces have about one token a character. */
const TOKENS_PER_OTHER_CHARACTER = 0.9
/** A picture of the usual size after the vendors' scaling. */
const TOKENS_PER_IMAGE = 1_600
/** What a page of a document amounts to; its bytes are no measure of it, but the only one at hand. */
const BASE64_PER_DOCUMENT_TOKEN = 25
const TOKENS_PER_TURN = 4
const TOKENS_PER_TOOL = 12

/** Counts everything that goes to the model: system text, turns, tools with their schemas, results, images. */
export function estimateTokens(conversation: Conversation): number {
  let tokens = 3
  for (const part of conversation.system) tokens += ofPart(part)
  for (const turn of conversation.turns) {
    tokens += TOKENS_PER_TURN
    for (const part of turn.parts) tokens += ofPart(part)
  }
  for (const tool of conversation.tools) tokens += TOKENS_PER_TOOL + ofText(JSON.stringify(tool))
  if (conversation.format?.type === 'schema') tokens += ofText(JSON.stringify(conversation.format.schema))
  return Math.ceil(tokens)
}

function ofPart(part: Part): number {
  switch (part.type) {
    case 'text':
    case 'refusal':
    case 'reasoning':
      return ofText(part.text)
    case 'image':
      return TOKENS_PER_IMAGE
    case 'document':
      if (part.source.kind === 'text') return ofText(part.source.text)
      return part.source.kind === 'base64' ? part.source.data.length / BASE64_PER_DOCUMENT_TOKEN : TOKENS_PER_IMAGE
    case 'audio':
      return part.data.length / BASE64_PER_DOCUMENT_TOKEN
    case 'tool-call':
      return TOKENS_PER_TURN + ofText(part.name) + ofText(part.input)
    case 'tool-result':
      return part.parts.reduce((sum, each) => sum + ofPart(each), TOKENS_PER_TURN)
    case 'web-search':
      return ofText(part.query)
    case 'opaque':
      return ofText(JSON.stringify(part.raw))
  }
}

function ofText(text: string): number {
  const others = text.replace(/[\u0020-\u007e\s]+/g, '').length
  return (text.length - others) / ASCII_PER_TOKEN + others * TOKENS_PER_OTHER_CHARACTER
}
