/**
 * What a fake vendor, or one account of it, is told to do, what it has seen, and how busy it was.
 */
import type { Reaction } from './reply.ts'
import type { VendorRequest } from './vendor-request.ts'

export interface Playbook {
  /** Queues reactions: one for each request to come. */
  script(...reactions: readonly Reaction[]): void
  /** What happens when the queue is empty. */
  always(reaction: Reaction): void
  /** In order of arrival; a request is here when its body is. */
  readonly requests: readonly VendorRequest[]
  readonly load: {
    /** Requests whose answer has not ended. */
    readonly active: number
    /** The most that were active at once. */
    readonly peak: number
  }
}

/** The vendor's own side of a playbook. */
export interface OpenPlaybook extends Playbook {
  readonly requests: VendorRequest[]
  /** The reaction for the request that has just arrived, if this playbook has one. */
  nextReaction(): Reaction | undefined
  noteArrival(request: VendorRequest): void
  noteSettled(): void
}

export function createPlaybook(): OpenPlaybook {
  const queue: Reaction[] = []
  const requests: VendorRequest[] = []
  const load = { active: 0, peak: 0 }
  let otherwise: Reaction | undefined

  return {
    requests,
    load,
    script: (...reactions) => void queue.push(...reactions),
    always(reaction) {
      otherwise = reaction
    },
    nextReaction: () => queue.shift() ?? otherwise,
    noteArrival(request) {
      requests.push(request)
      load.active++
      load.peak = Math.max(load.peak, load.active)
    },
    noteSettled() {
      load.active--
    },
  }
}
