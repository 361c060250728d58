/**
 * Puts a reply on a socket exactly as it says: framing true or false, step by step, at the pace the peer reads.
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { settle } from './clock.ts'
import { createDeferred } from './deferred.ts'
import { encodeHead, type Header } from './header-list.ts'
import { encodeChunk, LAST_CHUNK } from './http1.ts'
import { bytesOf, isStep, type Framing, type Reply, type ReplyPart, type Step } from './reply.ts'

export interface ReplyChannel {
  readonly socket: Socket
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  /** Waits for the test; also returns when the connection is gone. */
  pause(): Promise<void>
  /** A piece of the body is written; without its framing. */
  onSent(bytes: Buffer): void
  /** The script has come to its end, or a step is about to end the connection. Not called when the peer left first. */
  onEnd(how: 'answered' | 'cut'): void
}

/** Returns whether the connection may serve another request. */
export async function writeReply(reply: Reply, channel: ReplyChannel): Promise<'keep' | 'close'> {
  const { socket } = channel
  const { framing } = reply
  let sliceBytes = Infinity
  let isSliced = false

  const write = async (bytes: Buffer, isBody: boolean): Promise<void> => {
    if (socket.destroyed || bytes.length === 0) return
    if (isBody) channel.onSent(bytes)
    const hasRoom = socket.write(isBody && framing === 'chunked' ? encodeChunk(bytes) : bytes)
    if (!hasRoom) await untilDrained(channel)
    if (isSliced) await settle(1)
  }

  const takeStep = async (step: Step): Promise<Progress> => {
    if (step.step === 'end') return 'end'
    if (step.step === 'pause') {
      await channel.pause()
      return 'on'
    }
    if (step.step === 'slice') {
      isSliced = true
      sliceBytes = step.sizeBytes
      return 'on'
    }
    if (step.step === 'stall') await channel.closed
    else {
      await untilFlushed(socket)
      channel.onEnd('cut')
      if (step.step === 'cut') socket.resetAndDestroy()
      else socket.end()
    }
    return 'gone'
  }

  const writeParts = async (parts: readonly ReplyPart[], isBody: boolean): Promise<Progress> => {
    for (const part of parts) {
      if (socket.destroyed) return 'gone'
      if (isStep(part)) {
        const progress = await takeStep(part)
        if (progress !== 'on') return progress
      } else {
        for (const bytes of cutInPieces(bytesOf(part), sliceBytes)) await write(bytes, isBody)
      }
    }
    return socket.destroyed ? 'gone' : 'on'
  }

  if ((await writeParts(reply.beforeHead, false)) === 'gone') return 'close'
  if (framing !== null) {
    socket.write(headOf(reply, framing))
    if ((await writeParts(reply.body, true)) === 'gone') return 'close'
    if (framing === 'chunked') socket.write(LAST_CHUNK)
  }
  channel.onEnd('answered')
  const isMessageEnded = framing === 'chunked' || framing === 'length'
  return isMessageEnded && !reply.thenCloses ? 'keep' : 'close'
}

/** `end`: nothing more of the body; `gone`: the connection is over. */
type Progress = 'on' | 'end' | 'gone'

function headOf(reply: Reply, framing: Framing): string {
  const startLine = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? 'Unknown'}`
  return encodeHead(startLine, [...reply.headers, framingHeader(reply, framing)])
}

function framingHeader(reply: Reply, framing: Framing): Header {
  if (framing === 'chunked') return ['transfer-encoding', 'chunked']
  if (framing === 'close') return ['connection', 'close']
  return ['content-length', String(framing === 'length' ? lengthOf(reply.body) : framing.declaredBytes)]
}

function lengthOf(parts: readonly ReplyPart[]): number {
  return parts.reduce((sum, part) => sum + (isStep(part) ? 0 : bytesOf(part).length), 0)
}

function cutInPieces(bytes: Buffer, sizeBytes: number): Buffer[] {
  if (bytes.length <= sizeBytes) return [bytes]
  return Array.from({ length: Math.ceil(bytes.length / sizeBytes) }, (_, i) =>
    bytes.subarray(i * sizeBytes, (i + 1) * sizeBytes),
  )
}

async function untilDrained({ socket, closed }: ReplyChannel): Promise<void> {
  const drained = createDeferred()
  socket.once('drain', drained.resolve)
  await Promise.race([closed, drained.promise])
  socket.off('drain', drained.resolve)
}

/**
 * Waits until everything written has left, and then until a reader in this process has had its turn: a reset that
 * arrives together with data is reported as a plain end by libuv, and here the turn of the reader may be the next one.
 */
async function untilFlushed(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => void socket.write('', () => resolve()))
  await settle(2)
}
