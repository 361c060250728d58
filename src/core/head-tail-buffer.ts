/**
 * Collects bytes of any total length in bounded memory: of what is too long the beginning and the end stay.
 */

const HEAD_BYTES = 64 * 1024
const TAIL_BYTES = 64 * 1024
const CAPACITY_BYTES = HEAD_BYTES + TAIL_BYTES
const FIRST_BYTES = 1024
const NOTHING = Buffer.alloc(0)

/** Grows on demand, so that one which is never used costs nothing. Once it is full its tail half is a ring. */
export class HeadTailBuffer {
  #bytes = NOTHING
  #length = 0

  /** How many bytes have been appended since the last `take`. */
  get length(): number {
    return this.#length
  }

  /** Copies the bytes of `source` from `start` to `end`. */
  append(source: Buffer, start: number, end: number): void {
    this.#reserve(Math.min(this.#length + end - start, CAPACITY_BYTES))
    for (let from = start; from < end;) {
      const copied = source.copy(this.#bytes, this.#position(), from, end)
      from += copied
      this.#length += copied
    }
  }

  /** Gives the kept bytes away, and whether the middle is missing; the buffer is empty afterwards. */
  take(): { bytes: Buffer; cut: boolean } {
    const cut = this.#length > CAPACITY_BYTES
    const bytes = cut ? this.#unroll() : this.#bytes.subarray(0, this.#length)
    this.#bytes = NOTHING
    this.#length = 0
    return { bytes, cut }
  }

  #position(): number {
    return this.#length < CAPACITY_BYTES ? this.#length : HEAD_BYTES + ((this.#length - HEAD_BYTES) % TAIL_BYTES)
  }

  #unroll(): Buffer {
    const seam = this.#position()
    return Buffer.concat([
      this.#bytes.subarray(0, HEAD_BYTES),
      this.#bytes.subarray(seam),
      this.#bytes.subarray(HEAD_BYTES, seam),
    ])
  }

  #reserve(neededBytes: number): void {
    if (neededBytes <= this.#bytes.length) return
    const grownBytes = Math.min(CAPACITY_BYTES, Math.max(FIRST_BYTES, neededBytes, this.#bytes.length * 2))
    const grown = Buffer.allocUnsafe(grownBytes)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
