/**
 * A fake vendor on loopback: it speaks the four dialects, does what the test tells it, request by request, and remembers
 * everything it received and sent.
 */
import type { Socket } from 'node:net'
import { createDeferred, type Deferred } from './deferred.ts'
import { listen } from './listener.ts'
import { createPlaybook, type OpenPlaybook, type Playbook } from './playbook.ts'
import { answerText } from './reactions.ts'
import { writeReply } from './reply-writer.ts'
import { serveConnection, type Arrival } from './vendor-connection.ts'
import { recordRequest, type RecordedRequest, type VendorRequest } from './vendor-request.ts'

export type { Playbook } from './playbook.ts'
export type { RequestState, VendorRequest } from './vendor-request.ts'

export interface Vendor extends Playbook {
  /** `http://127.0.0.1:<port>`, without a slash behind it. */
  readonly url: string
  readonly port: number
  /** The playbook of one account. What it says comes before the vendor's own. */
  forKey(key: string): Playbook
  /** The nth request, from 1, as soon as it is here. */
  received(attempt: number): Promise<VendorRequest>
  /** Lets the oldest request that waits at a `pause()` go on, or the next one that comes to a pause. */
  resume(): void
  /** The exact body bytes written in answer to a request, without their framing. */
  bytesSent(attempt: number): Buffer
  readonly connections: { readonly open: number; readonly total: number }
  /** Drops the record of requests that are over, for runs of millions. Attempt numbers go on. */
  forget(): void
  /** Ends all connections. Rejects when a request was not HTTP, or a reaction could not be done. Idempotent. */
  readonly close: () => Promise<void>
}

export interface VendorOptions {
  /** Makes the attempt ids of several vendors differ: `att_b1` for a vendor named b. */
  name?: string
  port?: number
}

/** Starts a vendor. Until it is told otherwise it answers every request with `hello`. */
export async function startVendor({ name = '', port = 0 }: VendorOptions = {}): Promise<Vendor> {
  const everyone = createPlaybook()
  const accounts = new Map<string, OpenPlaybook>()
  const recorded = new Map<number, RecordedRequest>()
  const awaited = new Map<number, Deferred<VendorRequest>>()
  const problems: unknown[] = []
  let lastAttempt = 0
  let permits = 0

  const playbookOf = (key: string): OpenPlaybook => {
    const playbook = accounts.get(key) ?? createPlaybook()
    accounts.set(key, playbook)
    return playbook
  }

  const receive = (arrival: Arrival): RecordedRequest => {
    const attempt = ++lastAttempt
    const request: RecordedRequest = recordRequest({
      ...arrival,
      attempt,
      attemptId: `att_${name}${attempt}`,
      onSettled: () => playbooksOf(request).forEach((playbook) => playbook.noteSettled()),
    })
    recorded.set(attempt, request)
    for (const playbook of playbooksOf(request)) playbook.noteArrival(request)
    awaited.get(attempt)?.resolve(request)
    return request
  }

  const playbooksOf = ({ key }: VendorRequest): OpenPlaybook[] =>
    key === null ? [everyone] : [playbookOf(key), everyone]

  const answer = async (socket: Socket, request: RecordedRequest): Promise<void> => {
    const own = request.key === null ? undefined : playbookOf(request.key)
    const reaction = own?.nextReaction() ?? everyone.nextReaction() ?? answerText('hello')
    const fate = await writeReply(reaction(request), {
      socket,
      closed: request.closed,
      pause: () => request.pause(() => permits > 0 && permits-- > 0),
      onSent: (bytes) => request.sent.push(bytes),
      onEnd: (how) => request.settle(how),
    })
    if (fate === 'close' || request.header('connection')?.toLowerCase() === 'close') socket.end()
  }

  const listener = await listen(
    (socket) => {
      serveConnection(socket, listener.connections.total, { receive, answer, problems })
    },
    { port },
  )

  return {
    ...everyone,
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    forKey: playbookOf,
    received(attempt) {
      const request = recorded.get(attempt)
      if (request !== undefined) return Promise.resolve(request)
      const arrival = awaited.get(attempt) ?? createDeferred<VendorRequest>()
      awaited.set(attempt, arrival)
      return arrival.promise
    },
    resume() {
      const waiting = [...recorded.values()].find((request) => request.isPaused)
      if (waiting === undefined) permits++
      else waiting.resume()
    },
    bytesSent(attempt) {
      const request = recorded.get(attempt)
      if (request === undefined) throw new Error(`the vendor has no record of request ${attempt}`)
      return Buffer.concat(request.sent)
    },
    connections: listener.connections,
    forget() {
      for (const [attempt, request] of recorded) if (!request.isActive) recorded.delete(attempt)
      for (const { requests } of [everyone, ...accounts.values()]) {
        requests.splice(0, requests.length, ...requests.filter((request) => request.isActive))
      }
    },
    async close() {
      await listener.close()
      if (problems.length > 0) throw new AggregateError(problems, `the vendor had a problem: ${String(problems[0])}`)
    },
  }
}
