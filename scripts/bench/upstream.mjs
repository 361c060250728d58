/**
 * The vendor of the benchmark: a process that answers as fast as Node can write, with no HTTP library between. Prints its
 * port as JSON; ends when its standard input closes.
 */
import { createServer } from 'node:net'
import {
  BLOCK,
  CASE_HEADER,
  DELTA,
  DELTAS_PER_BLOCK,
  ENDING,
  EVENTS,
  OPENING,
  STREAM_HEAD,
  largeEvent,
  wholeAnswer,
} from './traffic.mjs'

const HEAD_END = Buffer.from('\r\n\r\n')
const CASE = new RegExp(`\r\n${CASE_HEADER}: *([a-z]+)`, 'i')
const LENGTH = /\r\ncontent-length: *([0-9]+)/i
const NOTHING = Buffer.alloc(0)
const EVENT_GAP_MS = 10
/** Opening and ending hold three events each. */
const FRAMING_EVENTS = 6

/** Paced streams by the millisecond in which their next event is due: each has its own phase, as real ones do. */
const phases = Array.from({ length: EVENT_GAP_MS }, () => new Set())
let nextPhase = 0
let firedAt = 0

const ANSWERS = {
  whole: (socket) => socket.write(WHOLE),
  short: (socket) => socket.write(SHORT),
  hold: (socket) => socket.write(BEGINNING),
  large: (socket) => socket.write(LARGE),
  paced(socket) {
    socket.write(BEGINNING)
    const phase = phases[nextPhase++ % EVENT_GAP_MS]
    phase.add({ socket, left: EVENTS.paced - FRAMING_EVENTS })
  },
  flat(socket) {
    socket.write(BEGINNING)
    let left = Math.floor((EVENTS.flat - FRAMING_EVENTS) / DELTAS_PER_BLOCK)
    let rest = EVENTS.flat - FRAMING_EVENTS - left * DELTAS_PER_BLOCK
    const pump = () => {
      while (left > 0) {
        left--
        if (!socket.write(BLOCK)) return socket.once('drain', pump)
      }
      for (; rest > 0; rest--) socket.write(DELTA)
      socket.write(ENDING)
    }
    pump()
  },
}

const WHOLE = wholeAnswer()
const BEGINNING = Buffer.concat([STREAM_HEAD, OPENING])
const SHORT = Buffer.concat([STREAM_HEAD, OPENING, ENDING])
const LARGE = Buffer.concat([STREAM_HEAD, OPENING, largeEvent(), ENDING])

const server = createServer({ noDelay: true }, serve)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`),
)
setInterval(beat, 1)
process.stdin.resume().on('end', () => process.exit())

/** Reads one request after another: the head for what to answer, of the body only how long it is. */
function serve(socket) {
  let head = NOTHING
  let answer = null
  let bodyLeft = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes) => {
    let rest = bytes
    while (rest.length > 0) {
      if (answer === null) {
        head = head.length === 0 ? rest : Buffer.concat([head, rest])
        const end = head.indexOf(HEAD_END)
        if (end < 0) return
        const text = head.latin1Slice(0, end)
        rest = head.subarray(end + HEAD_END.length)
        head = NOTHING
        answer = ANSWERS[CASE.exec(text)?.[1]] ?? ANSWERS.whole
        bodyLeft = Number(LENGTH.exec(text)?.[1] ?? 0)
      }
      const taken = Math.min(bodyLeft, rest.length)
      bodyLeft -= taken
      rest = rest.subarray(taken)
      if (bodyLeft > 0) return
      answer(socket)
      answer = null
    }
  })
}

/** Serves every phase that has come since the last call: a timer of 1 ms fires late on a busy core. */
function beat() {
  const now = Math.floor(performance.now())
  for (let at = Math.max(firedAt + 1, now - EVENT_GAP_MS + 1); at <= now; at++) servePhase(phases[at % EVENT_GAP_MS])
  firedAt = now
}

function servePhase(phase) {
  for (const stream of phase) {
    if (stream.socket.destroyed) phase.delete(stream)
    else if (stream.left-- > 0) stream.socket.write(DELTA)
    else {
      stream.socket.write(ENDING)
      phase.delete(stream)
    }
  }
}
