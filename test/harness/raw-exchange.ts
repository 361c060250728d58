/**
 * What the raw client knows of one answer while it comes in, and once it has ended.
 */
import { createDeferred, type Deferred } from './deferred.ts'
import { mapHeaders } from './header-list.ts'
import type { MessageHead } from './http1.ts'
import type { RawRequest } from './raw-request.ts'

export interface RawHead {
  /** 0 when the connection ended before a head came. */
  readonly status: number
  /** Name, value, name, value …, as they were sent. */
  readonly rawHeaders: readonly string[]
  /** Lower-case names; values of equal names joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** Status codes of interim answers (1xx) that came first. */
  readonly interim: readonly number[]
}

export interface RawResponse extends RawHead {
  /** Freed from its transfer encoding. */
  readonly body: Buffer
  /** The body as it came: one buffer for each HTTP chunk, or for each read where there are no chunks. */
  readonly chunks: readonly Buffer[]
  /**
   * - `clean`: the message is complete as its framing tells
   * - `truncated`: the connection ended before (missing last chunk, short content-length, no answer at all)
   * - `reset`: the connection was reset or refused
   * - `aborted`: this client took the connection down
   */
  readonly ended: 'clean' | 'truncated' | 'reset' | 'aborted'
}

/** A promise of the whole answer, with what can be known and done before that. It rejects only on bytes that are not HTTP. */
export type RawExchange = Promise<RawResponse> & {
  /** Rejects when the connection ends before a head comes. */
  readonly head: Promise<RawHead>
  /** The body as far as it has come. */
  bodySoFar(): Buffer
  /** Resolves when the body that has come contains `text`. Rejects when the answer ends without. */
  until(text: string): Promise<void>
  abort(how?: 'reset' | 'close'): void
  pauseReading(): void
  resumeReading(): void
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
}

/** The connection's side of an exchange. */
export interface OpenExchange {
  readonly method: string
  readonly exchange: RawExchange
  onHead(head: MessageHead): void
  onBody(bytes: Buffer, continues: boolean): void
  onEnd(ended: RawResponse['ended']): void
  fail(problem: Error): void
}

export function createExchange(
  request: RawRequest,
  connection: Pick<RawExchange, 'abort' | 'pauseReading' | 'resumeReading' | 'closed'>,
): OpenExchange {
  const { abort: rules = {} } = request
  const whole = createDeferred<RawResponse>()
  const arrivedHead = createDeferred<RawHead>()
  const expected = new Map<string, Deferred<void>>()
  /** The pieces of each chunk. */
  const chunks: Buffer[][] = []
  let head: RawHead = { status: 0, rawHeaders: [], headers: {}, interim: [] }
  let hasEnded = false

  const abort = (): void => {
    if (!hasEnded) connection.abort(rules.how)
  }
  void rules.on?.then(abort, abort)

  const bodySoFar = (): Buffer => Buffer.concat(chunks.flat())
  const checkBody = (): void => {
    if (expected.size === 0 && rules.afterBytes === undefined && rules.afterEvents === undefined) return
    const body = bodySoFar()
    for (const [text, seen] of expected) if (body.includes(text)) seen.resolve()
    const hasBytes = body.length >= (rules.afterBytes ?? Infinity)
    if (hasBytes || countEvents(body) >= (rules.afterEvents ?? Infinity)) abort()
  }

  return {
    method: request.method ?? 'GET',
    exchange: Object.assign(whole.promise, {
      ...connection,
      head: arrivedHead.promise,
      bodySoFar,
      until(text: string) {
        const seen = expected.get(text) ?? createDeferred()
        expected.set(text, seen)
        if (hasEnded && !bodySoFar().includes(text)) seen.reject(endedWithout(text))
        checkBody()
        return seen.promise
      },
    }),
    onHead({ startLine, rawHeaders }) {
      const status = Number(startLine.split(' ')[1])
      if (status < 200 && status !== 101) head = { ...head, interim: [...head.interim, status] }
      else {
        head = { ...head, status, rawHeaders, headers: mapHeaders(rawHeaders) }
        arrivedHead.resolve(head)
      }
    },
    onBody(bytes, continues) {
      if (continues) chunks.at(-1)?.push(bytes)
      else chunks.push([bytes])
      checkBody()
    },
    onEnd(ended) {
      hasEnded = true
      arrivedHead.reject(new Error(`the connection ended (${ended}) before a head came`))
      for (const [text, seen] of expected) seen.reject(endedWithout(text))
      whole.resolve({ ...head, body: bodySoFar(), chunks: chunks.map((pieces) => Buffer.concat(pieces)), ended })
    },
    fail(problem) {
      hasEnded = true
      arrivedHead.reject(problem)
      for (const seen of expected.values()) seen.reject(problem)
      whole.reject(problem)
    },
  }
}

function endedWithout(text: string): Error {
  return new Error(`the answer ended without ${JSON.stringify(text)}`)
}

function countEvents(body: Buffer): number {
  return body.toString('latin1').match(/\n\r?\n|\r\r/g)?.length ?? 0
}
