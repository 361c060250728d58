/**
 * A TCP pipe with faults, to stand between relay and vendor or between client and relay. Each direction has a chain of
 * toxics; what takes time follows the given Clock.
 */
import { connect, type Socket } from 'node:net'
import type { Clock } from '../../src/core/clock.ts'
import { settle } from './clock.ts'
import { listen } from './listener.ts'

/**
 * Reads the bytes of one direction and passes on what it lets through. When it returns, the direction ends with a FIN;
 * when it throws, both sides are reset.
 */
export type Toxic = (source: AsyncIterable<Buffer>, line: Line) => AsyncIterable<Buffer>

export interface Line {
  readonly clock: Clock
  /** Waits on the clock, but no longer than the client of the pipe is there. */
  readonly wait: (ms: number) => Promise<void>
}

export interface Pipe {
  readonly port: number
  readonly url: string
  readonly connections: { readonly open: number; readonly total: number }
  /** Toxics for what flows to the client of the pipe, for connections to come. */
  down(...toxics: readonly Toxic[]): void
  /** Toxics for what flows to the target, for connections to come. */
  up(...toxics: readonly Toxic[]): void
  readonly resetAll: () => void
  readonly close: () => Promise<void>
}

/** Starts a pipe to a port of this machine. Without toxics it changes nothing. */
export async function startPipe(targetPort: number, clock: Clock): Promise<Pipe> {
  let downToxics: readonly Toxic[] = []
  let upToxics: readonly Toxic[] = []
  const join = (client: Socket): void => {
    const target = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    target.on('error', () => {})
    const reset = async (): Promise<void> => {
      // A reset that arrives together with data is reported as a plain end: the reader gets its turn first.
      await settle(2)
      client.resetAndDestroy()
      target.resetAndDestroy()
    }
    const line = createLine(clock, client)
    flow(client, target, upToxics, line).catch(reset)
    flow(target, client, downToxics, line).catch(reset)
  }
  const listener = await listen(join, { allowHalfOpen: true })
  return {
    port: listener.port,
    url: `http://127.0.0.1:${listener.port}`,
    connections: listener.connections,
    down(...toxics) {
      downToxics = toxics
    },
    up(...toxics) {
      upToxics = toxics
    },
    resetAll: listener.resetAll,
    close: listener.close,
  }
}

/** Every read waits `ms`, plus or minus a share of `jitterMs` that the clock's random source chooses. */
export function latency(ms: number, jitterMs = 0): Toxic {
  return async function* (source, { clock, wait }) {
    for await (const bytes of source) {
      await wait(Math.max(0, ms + (2 * clock.random() - 1) * jitterMs))
      yield bytes
    }
  }
}

/** Lets through `bytesPerSecond`, ten times a second. */
export function bandwidth(bytesPerSecond: number): Toxic {
  const portion = Math.max(1, Math.floor(bytesPerSecond / 10))
  return async function* (source, { wait }) {
    for await (const bytes of source) {
      for (let start = 0; start < bytes.length; start += portion) {
        yield bytes.subarray(start, start + portion)
        await wait((Math.min(portion, bytes.length - start) / bytesPerSecond) * 1000)
      }
    }
  }
}

/** Passes `sizeBytes` at a time, each in a turn of the event loop of its own. */
export function slicer(sizeBytes: number): Toxic {
  return async function* (source) {
    for await (const bytes of source) {
      for (let start = 0; start < bytes.length; start += sizeBytes) {
        yield bytes.subarray(start, start + sizeBytes)
        await settle(1)
      }
    }
  }
}

/** Passes `limitBytes`, then ends the direction with a FIN. */
export function dataLimit(limitBytes: number): Toxic {
  return (source) => takeBytes(source, limitBytes, () => {})
}

/** Passes `limitBytes`, then resets the connection on both sides. */
export function resetAfter(limitBytes: number): Toxic {
  return (source) =>
    takeBytes(source, limitBytes, () => {
      throw new Error('the pipe resets the connection')
    })
}

/** Holds the end of the direction back for `ms`. */
export function slowClose(ms: number): Toxic {
  return async function* (source, { wait }) {
    yield* source
    await wait(ms)
  }
}

/** Swallows everything and never ends: a cable pulled out. */
export function blackHole(): Toxic {
  return async function* (source, { wait }) {
    for await (const bytes of source) yield bytes.subarray(bytes.length)
    await wait(Infinity)
  }
}

async function* takeBytes(
  source: AsyncIterable<Buffer>,
  limitBytes: number,
  onLimit: () => void,
): AsyncGenerator<Buffer> {
  let leftBytes = limitBytes
  for await (const bytes of source) {
    yield bytes.subarray(0, leftBytes)
    leftBytes -= bytes.length
    if (leftBytes <= 0) {
      onLimit()
      return
    }
  }
}

/** Passes one direction through its toxics at the pace of the reader. Rejects when either side or a toxic breaks. */
async function flow(from: Socket, to: Socket, toxics: readonly Toxic[], line: Line): Promise<void> {
  const source: AsyncIterable<Buffer> = from.iterator({ destroyOnReturn: false })
  for await (const bytes of toxics.reduce((stream, toxic) => toxic(stream, line), source)) {
    if (to.destroyed) return
    // Called back when the bytes have left this process: the pipe is as slow as its reader.
    await new Promise((resolve) => to.write(bytes, resolve))
  }
  to.end()
}

function createLine(clock: Clock, client: Socket): Line {
  return {
    clock,
    wait: (ms) =>
      new Promise((resolve) => {
        const done = (): void => {
          timer?.cancel()
          client.off('close', done)
          resolve()
        }
        const timer = ms === Infinity ? undefined : clock.timer(ms, done)
        client.once('close', done)
        if (client.destroyed) done()
      }),
  }
}
