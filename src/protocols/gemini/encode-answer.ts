/**
 * An answer in Gemini's words: chunks of a stream that each can stand alone, or one object.
 *
 * Google's chat object drops the whole turn from its history when one chunk has no candidate, no content or no part, so
 * every chunk has all three, and counts never come alone.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Usage } from '../contract.ts'
import { encodeJson } from '../error-answer.ts'
import { unfold } from '../fold.ts'
import type { AnswerContext, StreamEncoder } from '../hub-contract.ts'
import type { FinishReason, Result } from '../hub.ts'
import { createPartWriter, type PartWriter } from './part-writer.ts'
import { writeFinishReason } from './stop-reasons.ts'

export function createStreamEncoder(context: AnswerContext): StreamEncoder {
  const start = { id: context.createId(''), model: context.model, createdAt: Math.floor(context.now / 1000) }
  const parts = createPartWriter(context)
  /** What stands behind the candidate of every chunk. */
  const names = encodeJson({ modelVersion: context.model, responseId: start.id }).slice(1)
  let usage: Usage = {}
  let events = 0

  function chunk(written: readonly JsonObject[]): string {
    if (written.length === 0) return ''
    events++
    return `data: {"candidates":[{"content":{"parts":${encodeJson([...written])},"role":"model"},"index":0}],${names}\r\n\r\n`
  }

  function lastChunk(reason: FinishReason): string {
    events++
    const candidate = encodeCandidate(parts, parts.close(reason), reason)
    return `data: ${encodeJson({ candidates: [candidate], usageMetadata: encodeUsage(usage) }).slice(0, -1)},${names}\r\n\r\n`
  }

  return {
    told: () => ({ start: events === 0 ? null : start, events }),
    encode(delta) {
      if (delta.type === 'usage') usage = { ...usage, ...delta.usage }
      return delta.type === 'finish' ? lastChunk(delta.reason) : chunk(parts.write(delta))
    },
  }
}

/** The same answer as one object. */
export function encodeWhole(result: Result, context: AnswerContext): string {
  const writer = createPartWriter(context)
  const parts = unfold(result).flatMap((delta) => writer.write(delta))
  const { reason } = result.finish
  parts.push(...writer.close(reason))
  return JSON.stringify({
    candidates: [encodeCandidate(writer, parts, reason)],
    usageMetadata: encodeUsage(result.usage),
    modelVersion: context.model,
    responseId: context.createId(''),
  })
}

function encodeCandidate(writer: PartWriter, parts: readonly JsonObject[], reason: FinishReason): JsonObject {
  return {
    content: { parts: parts.length === 0 ? [{ text: '' }] : [...parts], role: 'model' },
    finishReason: writeFinishReason(reason),
    index: 0,
    ...writer.grounding(),
  }
}

/** Source: Gemini API reference, `UsageMetadata`: the prompt includes what was cached, candidates exclude thoughts. */
function encodeUsage(usage: Usage): JsonObject {
  const { input = 0, cached = 0, cacheWrite = 0, output = 0, reasoning = 0 } = usage
  const prompt = input + cached + cacheWrite
  const candidates = Math.max(0, output - reasoning)
  return {
    promptTokenCount: prompt,
    candidatesTokenCount: candidates,
    totalTokenCount: prompt + candidates + reasoning,
    ...(cached > 0 ? { cachedContentTokenCount: cached } : {}),
    ...(reasoning > 0 ? { thoughtsTokenCount: reasoning } : {}),
  }
}
