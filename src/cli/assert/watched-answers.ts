/**
 * Follows each request from its arrival to the last byte of its answer, with the upstream calls made for it in between:
 * one account per answer, nothing after the end, no end in silence, no call left behind.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import type { Clock } from '../../core/clock.ts'
import type { UpstreamCall } from '../../core/upstream-call.ts'
import type { RequestListener } from '../../http/app.ts'
import type { UpstreamClient, UpstreamExchange } from '../../io/upstream.ts'
import type { Rules } from './rules.ts'

export interface AnswerBounds {
  /** Calls for one request, over all its names and accounts. */
  readonly calls: number
  /** Scheme, host and port of everything the config names. */
  readonly origins: ReadonlySet<string>
  /** What clients are known by, and must not go upstream. */
  readonly clientSecrets: readonly string[]
  /** What upstreams know us by, and must not go to a client. */
  readonly upstreamSecrets: readonly string[]
  /** A call is given up when its client has left. */
  readonly isCancelling: boolean
}

export interface WatchedAnswers {
  listener(listener: RequestListener): RequestListener
  client(client: UpstreamClient): UpstreamClient
  /** Requests whose answer is not over. */
  readonly open: number
  /** Upstream calls made for them that are not over. */
  readonly calls: number
}

interface Answer {
  calls: number
  live: object | null
  hasContent: boolean
  hasEnded: boolean
  /** The last words of what was written. */
  tail: string
  /** How many characters ago it said that it ends; null when it never did. */
  sinceEnd: number | null
}

/** An upstream is dropped this soon after its client left. */
const ABORT_MS = 100
/** Longer than any mark of an end, so that one which two writes share is seen; and enough to tell of. */
const TAIL_CHARACTERS = 200
/** The event that ends a stream may say a lot behind its name. */
const LONGEST_END = 16_384
/** Heartbeats and comments commit to no account. */
const SIGN_OF_LIFE = /^(:|\r?\n|event: ping)/
/** How a stream may end, in any dialect. */
const PROPER_END = /message_stop|\[DONE\]|response\.(completed|incomplete|failed)|"finishReason"|"?error"?/g

export function watchAnswers(rules: Rules, boundsNow: () => AnswerBounds, clock: Clock): WatchedAnswers {
  const current = new AsyncLocalStorage<Answer>()
  let open = 0
  let calls = 0

  function follow(answer: Answer, outgoing: ServerResponse, path: string): void {
    const { write, end } = outgoing
    const bounds = boundsNow()
    const note = (chunk: unknown): void => {
      rules.hold(13, !answer.hasEnded, () => ({ what: 'a write behind the end of an answer', path }))
      if (typeof chunk !== 'string' && !Buffer.isBuffer(chunk)) return
      const text = typeof chunk === 'string' ? chunk : chunk.toString('latin1')
      answer.hasContent ||= isStream(outgoing) && !SIGN_OF_LIFE.test(text)
      // Not all that was written: long texts that are held for each answer are a load of their own.
      const words = answer.tail + text
      const end = isStream(outgoing) ? [...words.matchAll(PROPER_END)].at(-1) : undefined
      if (end !== undefined) answer.sinceEnd = words.length - end.index
      else if (answer.sinceEnd !== null) answer.sinceEnd += text.length
      answer.tail = words.slice(-TAIL_CHARACTERS)
      const leaks = bounds.upstreamSecrets.some((secret) => text.includes(secret))
      rules.hold(10, !leaks, () => ({ what: 'a credential of an upstream in an answer', path }))
    }
    Object.assign(outgoing, {
      write(...written: unknown[]) {
        note(written[0])
        return Reflect.apply(write, outgoing, written) as boolean
      },
      end(...written: unknown[]) {
        if (written[0] != null) note(written[0])
        answer.hasEnded = true
        const isProper = !isStream(outgoing) || (answer.sinceEnd ?? Infinity) <= LONGEST_END
        rules.hold(13, isProper, () => ({ what: 'a stream that ends in silence', path, tail: answer.tail }))
        return Reflect.apply(end, outgoing, written) as ServerResponse
      },
    })
    const onClose = (): void => {
      open--
      if (outgoing.writableFinished || !bounds.isCancelling) return
      clock.timer(ABORT_MS, () =>
        rules.hold(16, answer.live === null, () => ({ what: 'an upstream call that outlives its client', path })),
      )
    }
    // A client of a crowd may leave before its request is let in.
    if (outgoing.closed) onClose()
    else outgoing.once('close', onClose)
  }

  function checkCall(answer: Answer, call: UpstreamCall): void {
    const bounds = boundsNow()
    answer.calls++
    const { path } = call
    rules.hold(3, answer.live === null, () => ({ what: 'two upstream calls at once for one answer', path }))
    rules.hold(4, !answer.hasContent, () => ({ what: 'an upstream call behind content of another', path }))
    rules.hold(15, answer.calls <= bounds.calls, () => ({ what: 'too many calls for one request', path }))
    rules.hold(11, bounds.origins.has(call.origin), () => ({
      what: 'a host that is in no config',
      origin: call.origin,
    }))
    const leaks = call.headers.some(([, value]) => bounds.clientSecrets.some((secret) => value.includes(secret)))
    rules.hold(10, !leaks, () => ({ what: 'a token of a client in an upstream call', path }))
  }

  return {
    get open() {
      return open
    },
    get calls() {
      return calls
    },
    listener: (listener) => (incoming, outgoing) => {
      const answer: Answer = { calls: 0, live: null, hasContent: false, hasEnded: false, tail: '', sinceEnd: null }
      open++
      follow(answer, outgoing, incoming.url?.split('?')[0] ?? '')
      current.run(answer, () => listener(incoming, outgoing))
    },
    client: (client) =>
      Object.assign(Object.create(client) as UpstreamClient, {
        send(call, upstream) {
          const answer = current.getStore() ?? null
          if (answer === null) return client.send(call, upstream)
          checkCall(answer, call)
          const mark = {}
          answer.live = mark
          calls++
          const end = (): void => {
            if (answer.live !== mark) return
            answer.live = null
            calls--
          }
          const exchange = client.send(call, {
            onHead: (status, rawHeaders) => upstream.onHead(status, rawHeaders),
            onData(chunk) {
              rules.hold(3, answer.live === mark, () => ({ what: 'bytes of a call that is over', path: call.path }))
              return upstream.onData(chunk)
            },
            onEnd: () => (end(), upstream.onEnd()),
            onFailure: (failure) => (end(), upstream.onFailure(failure)),
          })
          return { resume: () => exchange.resume(), abort: () => (end(), exchange.abort()) } satisfies UpstreamExchange
        },
      } satisfies Pick<UpstreamClient, 'send'>),
  }
}

function isStream(outgoing: ServerResponse): boolean {
  // A head that was written as a flat list is not in getHeader; its text is.
  const { _header: head } = outgoing as ServerResponse & { _header?: string | null }
  return /\r\ncontent-type: text\/event-stream/i.test(head ?? '')
}
