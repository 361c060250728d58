/**
 * The leaving of a client, and who wants to hear of it. It happens once or never.
 *
 * An AbortSignal would say the same, and its making, its events and its listeners cost 1.5 KB and 6 µs of every request
 * (Node 20).
 */

/** For those who watch. */
export interface Departure {
  readonly hasLeft: boolean
  /** Calls `listener` when the client leaves; not at all when it has left already. */
  watch(listener: () => void): void
  unwatch(listener: () => void): void
}

export class ClientDeparture implements Departure {
  hasLeft = false
  #listeners: Array<() => void> = []

  watch(listener: () => void): void {
    if (!this.hasLeft) this.#listeners.push(listener)
  }

  unwatch(listener: () => void): void {
    const at = this.#listeners.indexOf(listener)
    if (at >= 0) this.#listeners.splice(at, 1)
  }

  /** The client has left. A listener that is taken out by one before it is not called. */
  happen(): void {
    this.hasLeft = true
    for (let next = this.#listeners.shift(); next !== undefined; next = this.#listeners.shift()) next()
  }
}
