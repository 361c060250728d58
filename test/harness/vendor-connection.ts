/**
 * One connection to the fake vendor: reads its requests and has them answered in order, pipelined ones too.
 */
import type { Socket } from 'node:net'
import { createDeferred } from './deferred.ts'
import { createMessageReader, type MessageHead } from './http1.ts'
import type { RecordedRequest } from './vendor-request.ts'

/** A request that has come in full. */
export interface Arrival {
  readonly head: MessageHead
  readonly bytes: Buffer
  /** The number of its connection. */
  readonly connection: number
  /** Resolves when that connection is gone. */
  readonly closed: Promise<void>
}

export interface ConnectionOwner {
  receive(arrival: Arrival): RecordedRequest
  answer(socket: Socket, request: RecordedRequest): Promise<void>
  /** What went wrong, for the end of the test. */
  readonly problems: unknown[]
}

export function serveConnection(socket: Socket, connection: number, owner: ConnectionOwner): void {
  const gone = createDeferred()
  const unanswered = new Set<RecordedRequest>()
  let answers = Promise.resolve()
  let head: MessageHead = { startLine: '', rawHeaders: [] }
  let body: Buffer[] = []

  const fail = (problem: unknown): void => {
    owner.problems.push(problem)
    socket.destroy()
  }
  const reader = createMessageReader(
    { reads: 'requests' },
    {
      head(received) {
        head = received
        body = []
      },
      body: (bytes) => void body.push(bytes),
      end() {
        const request = owner.receive({ head, bytes: Buffer.concat(body), connection, closed: gone.promise })
        unanswered.add(request)
        answers = answers
          .then(() => owner.answer(socket, request))
          .catch(fail)
          .finally(() => {
            // Still active when the peer left in the middle: the close that is about to come settles it.
            if (!request.isActive) unanswered.delete(request)
          })
      },
    },
  )

  socket.on('data', (bytes) => {
    try {
      reader.push(bytes)
    } catch (problem) {
      fail(problem)
    }
  })
  socket.once('close', () => {
    for (const request of unanswered) request.settle('aborted')
    gone.resolve()
  })
}
