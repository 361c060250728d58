/**
 * A conversation without its sealed reasoning, for the one repetition after a vendor has refused what it cannot unseal:
 * signatures are bound to the account, the model and the words before them.
 */
import type { UpstreamError } from '../protocols/contract.ts'
import type { Conversation } from '../protocols/hub.ts'

/** Sources: error texts of Anthropic, OpenAI and Gemini for state that another account or conversation made. */
const REFUSED_STATE =
  /signature|thinking.{0,80}block|bound to a different conversation|encrypted content\b.{0,400}\bcould not be (verified|decrypted)|not issued to this caller|thought.?signature/is

const NONE: readonly string[] = []
const TOLD: readonly string[] = ['foreign-reasoning']

/** A class, because every request has one: an object with getters costs a microsecond to make. */
export class ReasoningRepairs {
  isReasoningDropped = false

  /** As the client is told. */
  get names(): readonly string[] {
    return this.isReasoningDropped ? TOLD : NONE
  }

  /** True once, when `refusal` is about reasoning that somebody else sealed: the request may be repeated without. */
  learn({ code, message }: UpstreamError): boolean {
    if (this.isReasoningDropped) return false
    this.isReasoningDropped = code === 'invalid_encrypted_content' || REFUSED_STATE.test(message)
    return this.isReasoningDropped
  }
}

export function dropReasoning(conversation: Conversation): Conversation {
  const turns = conversation.turns.map(({ role, parts }) => ({
    role,
    parts: parts
      .filter((part) => part.type !== 'reasoning')
      .map((part) => {
        if (part.type !== 'tool-call' || part.carrier === undefined) return part
        const { carrier: _carrier, ...call } = part
        return call
      }),
  }))
  return { ...conversation, turns }
}
