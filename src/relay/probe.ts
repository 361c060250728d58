/**
 * One tiny request through one account, to find out whether it serves: for `check --online` and for the running relay.
 * It goes past the pool, so it takes no slot and blames nobody.
 */
import type { Account, Protocol, UsableCredential } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { ClientDeparture } from '../core/departure.ts'
import type { HeaderList } from '../core/headers.ts'
import { NO_OUTLINE } from '../core/json.ts'
import { matchesPattern, mostSpecific } from '../core/match.ts'
import { FrameScanner } from '../core/sse.ts'
import type { Reason, WindowReading } from '../core/verdict.ts'
import type { UpstreamClient } from '../io/upstream.ts'
import { readWindows } from '../pool/windows.ts'
import { protocols } from '../protocols/index.ts'
import { providerOf } from '../providers/index.ts'
import type { AttemptResult, Reply } from './attempt-contract.ts'
import { judgeResult } from './failure.ts'
import { prepareBody } from './prepare.ts'
import { type Credentials, withCredential } from './with-credential.ts'

export interface ProbeResult {
  readonly ok: boolean
  readonly reason: Reason
  /** One line: what the account answered with, or what went wrong. */
  readonly message: string
  /** The name the vendor was asked for. */
  readonly model: string
  readonly ms: number
  /** Quota windows that the answer told. */
  readonly windows: readonly WindowReading[]
}

/** Never rejects. */
export type Probe = (account: Account) => Promise<ProbeResult>

export interface ProbeDependencies {
  readonly client: UpstreamClient
  readonly credentials: Credentials
  readonly clock: Clock
}

const TIMEOUT_MS = 30_000
const MOST_BYTES = 256 * 1024
const NO_DEFAULTS = { modelExtraParams: new Map(), defaultInstructions: new Map() }

export function createProbe({ client, credentials, clock }: ProbeDependencies): Probe {
  return async function probe(account) {
    const startedAt = clock.monotonic()
    const model = modelFor(account)
    const told = (facts: Pick<ProbeResult, 'ok' | 'reason' | 'message'>, windows: readonly WindowReading[] = []) => ({
      ...facts,
      message: facts.message.replaceAll(/\s+/g, ' ').slice(0, 300),
      model,
      ms: Math.round(clock.monotonic() - startedAt),
      windows,
    })
    if (account.problem !== null && account.type === 'api_key') {
      return told({ ok: false, reason: 'unauthorized', message: account.problem })
    }
    try {
      const nobody = new ClientDeparture()
      const result = await withCredential(
        credentials,
        account,
        nobody,
        (key) => ask(account, model, key),
        () => {},
      )
      switch (result.kind) {
        case 'served': {
          const message = `${model} answered in ${Math.round(clock.monotonic() - startedAt)} ms`
          return told({ ok: true, reason: 'success', message }, readWindows(result.rawHeaders, clock.now()))
        }
        case 'failed':
        case 'unreachable': {
          const { verdict, reply } = judgeResult(result, account, clock.now(), clock.monotonic() - startedAt)
          const status = reply === null ? '' : ` (HTTP ${reply.status})`
          const message = `${verdict.reason}: ${verdict.message}${status}`
          return told({ ok: false, reason: verdict.reason, message }, verdict.windows)
        }
        case 'skipped':
          return told({ ok: false, reason: 'unauthorized', message: result.message })
        case 'broken':
        case 'gone':
          return told({ ok: false, reason: 'transient', message: 'the answer broke off' })
      }
    } catch (error) {
      return told({ ok: false, reason: 'transient', message: `it cannot be asked: ${String(error)}` })
    }
  }

  function ask(account: Account, model: string, credential: UsableCredential): Promise<AttemptResult> {
    const provider = providerOf(account)
    const [protocol = 'anthropic'] = provider.protocolsOf(account)
    const body = Buffer.from(JSON.stringify(QUESTIONS[protocol](model)))
    const { body: adapted } = prepareBody(
      body,
      { model, stream: false, modelRange: null, outline: NO_OUTLINE },
      protocol,
      'generate',
      account,
      model,
      NO_DEFAULTS,
      { headers: JSON_HEADERS, refused: new Set() },
    )
    const call = provider.call(account, credential, {
      protocol,
      operation: 'generate',
      model,
      stream: false,
      headers: JSON_HEADERS,
      query: new URLSearchParams(),
      body: adapted,
    })
    return new Promise((resolve) => {
      const chunks: Buffer[] = []
      let [size, status] = [0, 0]
      let rawHeaders: readonly string[] = []
      const end = (result: AttemptResult): void => {
        timer.cancel()
        exchange.abort()
        resolve(result)
      }
      const timer = clock.timer(TIMEOUT_MS, () =>
        end({ kind: 'unreachable', failure: 'timeout', message: `no answer within ${TIMEOUT_MS / 1000} s` }),
      )
      const exchange = client.send(call, {
        onHead(code, headers) {
          status = code
          rawHeaders = headers
        },
        onData(chunk) {
          size += chunk.length
          if (size <= MOST_BYTES) chunks.push(chunk)
          return true
        },
        onEnd: () => end(readAnswer({ status, rawHeaders, body: Buffer.concat(chunks), error: null }, protocol)),
        onFailure: ({ kind, message, code }) =>
          end({ kind: 'unreachable', failure: kind, message: `${message} (${code})` }),
      })
    })
  }
}

const JSON_HEADERS: HeaderList = [['content-type', 'application/json']]

/** The smallest request that every server of the dialect takes. */
const QUESTIONS: Record<Protocol, (model: string) => object> = {
  anthropic: (model) => ({ model, max_tokens: 1, messages: [{ role: 'user', content: 'Hi' }] }),
  'openai-responses': (model) => ({ model, input: 'Hi', max_output_tokens: 16, store: false }),
  'openai-chat': (model) => ({ model, messages: [{ role: 'user', content: 'Hi' }] }),
  gemini: () => ({ contents: [{ role: 'user', parts: [{ text: 'Hi' }] }], generationConfig: { maxOutputTokens: 1 } }),
}

/** A model that the account has for certain, and a cheap one where there is a choice. */
function modelFor(account: Account): string {
  const { models, modelMap } = account
  const isServed = (name: string): boolean => models.length === 0 || models.some((each) => matchesPattern(each, name))
  const names = [
    ...[...models, ...modelMap.keys()].filter((name) => !name.includes('*')),
    ...providerOf(account).knownModels.filter(isServed),
  ]
  const name = names.find((each) => /haiku|-mini|flash|small|lite|nano/i.test(each)) ?? names[0] ?? 'test'
  const [upstreamModel = name] = mostSpecific(account.modelMap, name) ?? []
  return providerOf(account).canonicalModel?.(upstreamModel) ?? upstreamModel
}

function readAnswer(reply: Reply, protocol: Protocol): AttemptResult {
  const { upstream } = protocols[protocol]
  const { status, rawHeaders, body } = reply
  const error = errorEventIn(body, protocol) ?? upstream.decodeError(body)
  if (status !== 200 || error !== null) return { kind: 'failed', reply: { ...reply, error } }
  if (!/^\s*(?:\{|event:|data:|:)/.test(body.toString('utf8', 0, 64))) {
    return { kind: 'unreachable', failure: 'bad_answer', message: 'what answered does not speak this protocol' }
  }
  return { kind: 'served', status, rawHeaders, usage: {}, firstContentMs: null, errorEvent: null }
}

/** Some vendors stream whatever they are asked for, and tell a failure as an event of the stream. */
function errorEventIn(body: Buffer, protocol: Protocol): Reply['error'] {
  const { upstream } = protocols[protocol]
  let error: Reply['error'] = null
  const scanner = new FrameScanner((frame) => {
    if (upstream.inspect(frame) === 'error') error ??= upstream.decodeError(frame.data)
  })
  scanner.push(body)
  scanner.end()
  return error
}
