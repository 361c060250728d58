/**
 * Work that takes long, in steps: one per turn of the event loop, so that others are served in between.
 */

export interface StepsOwner {
  /** No step is taken while this is true; `goOn` afterwards. */
  isHeld(): boolean
  /** All work is done. */
  onDone(): void
}

export class Steps {
  readonly #owner: StepsOwner
  readonly #works: Array<Generator<void>> = []
  #isTurnAwaited = false

  constructor(owner: StepsOwner) {
    this.#owner = owner
  }

  /** Some work is not done yet. */
  get isBusy(): boolean {
    return this.#works.length > 0
  }

  /** Each `yield` of `work` ends a step. It begins when all work before it is done. Must not throw. */
  add(work: Generator<void>): void {
    this.#works.push(work)
    this.goOn()
  }

  goOn(): void {
    if (this.#isTurnAwaited || this.#owner.isHeld()) return
    this.#isTurnAwaited = true
    setImmediate(() => this.#step())
  }

  #step(): void {
    this.#isTurnAwaited = false
    if (this.#owner.isHeld()) return
    if (this.#works[0]?.next().done === true) this.#works.shift()
    if (this.isBusy) this.goOn()
    else this.#owner.onDone()
  }
}
