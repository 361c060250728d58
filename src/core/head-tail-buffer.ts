/**
 * Collects bytes of any total length in bounded memory: of what is too long the beginning and the end stay.
 */

/** Half of it for the beginning, half for the end. */
const USUAL_CAPACITY_BYTES = 128 * 1024
const FIRST_BYTES = 1024
const NOTHING = Buffer.alloc(0)

/** Grows on demand, so that one which is never used costs nothing. Once it is full its tail half is a ring. */
export class HeadTailBuffer {
  readonly #capacityBytes: number
  readonly #headBytes: number
  #bytes = NOTHING
  #length = 0

  constructor(capacityBytes = USUAL_CAPACITY_BYTES) {
    this.#capacityBytes = capacityBytes
    this.#headBytes = capacityBytes / 2
  }

  /** How many bytes have been appended since the last `take`. */
  get length(): number {
    return this.#length
  }

  /** Copies the bytes of `source` from `start` to `end`. */
  append(source: Buffer, start: number, end: number): void {
    this.#reserve(Math.min(this.#length + end - start, this.#capacityBytes))
    for (let from = start; from < end;) {
      const copied = source.copy(this.#bytes, this.#position(), from, end)
      from += copied
      this.#length += copied
    }
  }

  /** Gives the kept bytes away, and whether the middle is missing; the buffer is empty afterwards. */
  take(): { bytes: Buffer; cut: boolean } {
    const cut = this.#length > this.#capacityBytes
    const bytes = cut ? this.#unroll() : this.#bytes.subarray(0, this.#length)
    this.#bytes = NOTHING
    this.#length = 0
    return { bytes, cut }
  }

  #position(): number {
    return this.#length < this.#capacityBytes
      ? this.#length
      : this.#headBytes + ((this.#length - this.#headBytes) % this.#headBytes)
  }

  #unroll(): Buffer {
    const seam = this.#position()
    return Buffer.concat([
      this.#bytes.subarray(0, this.#headBytes),
      this.#bytes.subarray(seam),
      this.#bytes.subarray(this.#headBytes, seam),
    ])
  }

  #reserve(neededBytes: number): void {
    if (neededBytes <= this.#bytes.length) return
    const grownBytes = Math.min(this.#capacityBytes, Math.max(FIRST_BYTES, neededBytes, this.#bytes.length * 2))
    const grown = Buffer.allocUnsafe(grownBytes)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
