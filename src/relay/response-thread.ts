/**
 * What a Responses request refers to: which accounts can know it, and what an account that cannot has to be told in its
 * place.
 */
import type { Account, ClientToken } from '../core/account.ts'
import { GatewayError, invalidRequest } from '../core/errors.ts'
import { type JsonValue, parseValue } from '../core/json.ts'
import type { Envelope, UpstreamError } from '../protocols/contract.ts'
import { protocols } from '../protocols/index.ts'
import { KEPT_BY_VENDOR } from '../protocols/openai-responses/downstream.ts'
import { servesModel } from '../pool/select.ts'
import type { Operation } from '../providers/contract.ts'
import { providerOf } from '../providers/index.ts'
import type { AnswerWatcher } from './attempt-contract.ts'
import { dropReasoningItems, prependHistory, withoutReasoning } from './response-history.ts'
import type { ResponseMemory } from './response-memory.ts'
import { watchKeeper, watchTranscript } from './response-watch.ts'

export interface ThreadRequest {
  readonly client: ClientToken
  /** The names it may be served by. */
  readonly models: readonly string[]
  readonly operation: Operation
  readonly envelope: Envelope
  readonly body: Buffer
}

export interface ResponseThread {
  /** Names or tags of the accounts that can serve the request; empty means all. */
  readonly confinedTo: readonly string[]
  /** The account that is best asked first. */
  readonly prefer: Account | null
  /** The request as an account has to get it. */
  requestFor(account: Account): BodyWithEnvelope
  /**
   * True when the account could not unseal somebody else's reasoning and the request can do without: from now on it goes
   * without any.
   */
  dropReasoning(refusal: UpstreamError): boolean
  /** What was left out of the conversation, as the client is told of it. */
  dropped(): readonly string[]
  /**
   * Remembers the answer of an account; null when the client does not want it remembered. `shownModel` is the name that the
   * client sees for the model, where it differs.
   */
  watch(account: Account, shownModel: string | null): AnswerWatcher | null
}

export interface BodyWithEnvelope {
  readonly body: Buffer
  readonly envelope: Envelope
}

/**
 * Throws `invalid_request` when the request refers to something that none of the client's accounts can know: code
 * `previous_response_not_found` for a response, the member at fault for anything else.
 */
export function openThread(
  request: ThreadRequest,
  memory: ResponseMemory,
  accounts: readonly Account[],
): ResponseThread {
  const { client, body, envelope } = request
  const told = (name: string): JsonValue => {
    const range = envelope.outline.get(name)
    return range === undefined ? null : parseValue(body, range)
  }
  const id = told('previous_response_id')
  const previous = typeof id === 'string' ? memory.find(client.name, id) : null
  const transcript = previous?.transcript ?? null
  const variants = new Map<string, BodyWithEnvelope>()
  let hasReasoning = true
  const isRemembered = request.operation === 'generate' && told('store') !== false

  const knowers = previous !== null && transcript === null ? [previous.account.name] : client.accounts
  const unknown =
    id !== null && previous === null ? 'previous_response_id' : KEPT_BY_VENDOR.find((name) => isAsked(told(name)))

  function requestFor(account: Account): BodyWithEnvelope {
    const isHome = account.name === previous?.account.name
    if (transcript === null && hasReasoning) return request
    const key = `${isHome} ${hasReasoning}`
    const known = variants.get(key)
    if (known !== undefined) return known
    const history = transcript === null || isHome ? transcript?.history : withoutReasoning(transcript.history)
    const whole = history === undefined ? body : prependHistory(body, history)
    const bare = hasReasoning ? whole : dropReasoningItems(whole)
    const made = { body: bare, envelope: protocols['openai-responses'].downstream.readEnvelope(bare) }
    variants.set(key, made)
    return made
  }

  return {
    confinedTo: unknown === undefined ? knowers : findKeepers(unknown, request, accounts),
    prefer: transcript === null ? null : (previous?.account ?? null),
    requestFor,
    dropReasoning({ code, message }) {
      if (!hasReasoning || (code !== 'invalid_encrypted_content' && !CANNOT_UNSEAL.test(message))) return false
      hasReasoning = false
      return true
    },
    dropped: () => (hasReasoning ? [] : ['foreign-reasoning']),
    watch(account, shownModel) {
      if (!isRemembered) return null
      return keepsResponses(account)
        ? watchKeeper(account, memory, client.name)
        : watchTranscript(account, memory, client.name, shownModel, () => requestFor(account).body)
    },
  }
}

/** Sealed reasoning belongs to the account that thought it. Source: OpenAI's error texts. */
const CANNOT_UNSEAL = /encrypted content\b.{0,400}\bcould not be (?:verified|decrypted)/is

function isAsked(value: JsonValue): boolean {
  return value !== null && value !== false
}

/** The accounts that may know what the relay does not. `member` refers to it. */
function findKeepers(member: string, request: ThreadRequest, accounts: readonly Account[]): string[] {
  const keepers = accounts.filter((account) => mayKnow(account, request))
  if (keepers.length > 0) return keepers.map(({ name }) => name)
  if (member !== 'previous_response_id') {
    throw invalidRequest(`"${member}" needs a vendor that keeps responses; the accounts for this model do not`, member)
  }
  throw new GatewayError({
    kind: 'invalid_request',
    message:
      'the previous response is not found: it is unknown or forgotten here; send the whole conversation as input',
    param: member,
    code: 'previous_response_not_found',
    retryable: false,
  })
}

/** Whether the client may use the account, and a response may be known there that the relay has not seen. */
function mayKnow(account: Account, { client: { accounts }, models }: ThreadRequest): boolean {
  const { enabled, name, tags } = account
  const isAllowed = accounts.length === 0 || accounts.some((allowed) => allowed === name || tags.includes(allowed))
  return (
    enabled &&
    isAllowed &&
    keepsResponses(account) &&
    models.some((model) => servesModel(account, model, 'openai-responses'))
  )
}

/** Whether an id of a response means something to the account's vendor. */
function keepsResponses(account: Account): boolean {
  const provider = providerOf(account)
  return provider.keepsNoResponses !== true && provider.protocolsOf(account).includes('openai-responses')
}
