/**
 * Gathers a body that comes in chunks.
 */

/**
 * One buffer of the announced size spares a large body its list of chunks, their concatenation in one turn of the event loop,
 * and half of the memory; a small one comes in one chunk and needs neither.
 */
export class ByteGatherer {
  readonly #announcedBytes: number
  #slab: Buffer | null = null
  #chunks: Buffer[] = []
  #length = 0

  /** `announcedBytes` is NaN when nothing was said, and need not be true. */
  constructor(announcedBytes: number) {
    this.#announcedBytes = announcedBytes
  }

  /** Of all chunks together, in bytes. */
  get length(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    const start = this.#length
    this.#length += chunk.length
    if (start === 0 && this.#length < this.#announcedBytes) this.#slab = Buffer.allocUnsafeSlow(this.#announcedBytes)
    if (this.#slab !== null && this.#length > this.#announcedBytes) {
      this.#chunks.push(this.#slab.subarray(0, start))
      this.#slab = null
    }
    if (this.#slab === null) this.#chunks.push(chunk)
    else chunk.copy(this.#slab, start)
  }

  /** All that came, in one buffer. */
  whole(): Buffer {
    if (this.#slab !== null) return this.#slab.subarray(0, this.#length)
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#length)
  }
}
