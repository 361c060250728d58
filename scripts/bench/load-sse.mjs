/**
 * The client of the streaming cases, a process of its own: opens connections, asks for streams and counts what comes.
 * Takes its task as JSON in the first argument, prints its findings as one line of JSON.
 */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeRequest, EVENTS, requestBody, requestHeaders } from './traffic.mjs'

const END = '0\r\n\r\n'
const FIRST_CONTENT = Buffer.from('content_block_delta')
const LAST_EVENT = 'message_stop'
/** Longer than any case: a stream that hangs is a failure, not a reason to hang as well. */
const LONGEST_MS = 60_000
const GROUP = 50
const GROUP_PATIENCE_MS = 5_000

const task = JSON.parse(process.argv[2])
const request = encodeRequest(requestHeaders(task.answer), requestBody(1_024, true))
const findings = { streams: 0, events: 0, failed: 0, firstEventMs: [], wholeMs: [] }
const startedAt = performance.now()
let lastEndAt = startedAt
setTimeout(() => report('timed out'), LONGEST_MS).unref()

if (task.holds) await hold()
else await Promise.all(Array.from({ length: task.connections }, repeat))
report()

/** Stream after stream on one connection until the time is up; what was begun is read to its end. */
async function repeat() {
  const client = await open()
  try {
    do {
      const began = performance.now()
      const firstAt = await client.ask()
      lastEndAt = performance.now()
      findings.streams++
      findings.events += EVENTS[task.answer]
      findings.firstEventMs.push(firstAt - began)
      findings.wholeMs.push(lastEndAt - began)
    } while (performance.now() - startedAt < task.durationMs)
  } catch {
    findings.failed++
  }
  client.socket.destroy()
}

/** Opens all streams, says so once each has content or time is up, and keeps them until standard input closes. */
async function hold() {
  const clients = []
  let isLate = false
  for (let i = 0; i < task.connections && !isLate; i += GROUP) {
    // In groups: what is measured is the memory of open streams, not of a flood.
    const group = await Promise.all(Array.from({ length: Math.min(GROUP, task.connections - i) }, open))
    const begun = group.map((client) => new Promise((resolve) => client.ask(resolve).catch(() => {})))
    isLate = await Promise.race([Promise.all(begun).then(() => false), sleep(GROUP_PATIENCE_MS, true)])
    clients.push(...group)
  }
  findings.streams = clients.filter(({ hasContent }) => hasContent()).length
  process.stdout.write(`${JSON.stringify(findings)}\n`)
  await new Promise((resolve) => process.stdin.resume().on('end', resolve))
  process.exit()
}

function open() {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: task.port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => resolve(createClient(socket)))
  })
}

function createClient(socket) {
  let firstAt = null
  let isFirst = true
  let settle = null
  let onContent = null
  let tail = ''

  socket.on('error', (error) => settle?.reject(error))
  socket.on('close', () => settle?.reject(new Error('closed')))
  socket.on('data', (bytes) => {
    // Any answer but a good one would be measured as a very fast stream.
    if (isFirst && bytes.latin1Slice(9, 12) !== '200') return socket.destroy()
    isFirst = false
    if (firstAt === null && bytes.includes(FIRST_CONTENT)) {
      firstAt = performance.now()
      onContent?.()
    }
    tail = (tail + bytes.latin1Slice(Math.max(0, bytes.length - 64))).slice(-64)
    if (!tail.endsWith(END)) return
    if (!tail.includes(LAST_EVENT) || firstAt === null) return socket.destroy()
    settle.resolve(firstAt)
  })

  return {
    socket,
    hasContent: () => firstAt !== null,
    /** Resolves at the end of the stream to the moment of its first content. */
    ask(whenBegun = null) {
      return new Promise((resolve, reject) => {
        firstAt = null
        isFirst = true
        tail = ''
        onContent = whenBegun
        settle = { resolve, reject }
        socket.write(request)
      })
    },
  }
}

function report(trouble) {
  const { firstEventMs, wholeMs, ...counts } = findings
  const result = {
    ...counts,
    failed: counts.failed + (trouble === undefined ? 0 : 1),
    elapsedMs: lastEndAt - startedAt,
    firstEventMs: percentiles(firstEventMs),
    wholeMs: percentiles(wholeMs),
  }
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit())
}

function percentiles(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? null }
}
