/**
 * The client of the crowd: opens all its connections in one moment, each with a request, while a thread of its own asks
 * `/health` all the time. Takes its task as JSON in the first argument, prints its findings as one line of JSON.
 */
import { connect } from 'node:net'
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { PATH, requestBody, requestHeaders } from './traffic.mjs'

const EVERY_MS = 5
const PAUSE_MS = 200
const BODY_BYTES = 1024

if (isMainThread) await main(JSON.parse(process.argv[2]))
else ask()

async function main({ port, connections, durationMs }) {
  const asker = new Worker(new URL(import.meta.url), { workerData: port })
  const nextTimes = () =>
    new Promise((resolve) => {
      asker.once('message', resolve)
      asker.postMessage('tell')
    })
  const request = encodeRequest(port)
  const findings = { wholeMs: [], besideMs: [], failed: 0 }
  await sleep(PAUSE_MS)
  for (const startedAt = performance.now(); performance.now() - startedAt < durationMs;) {
    await nextTimes()
    const began = performance.now()
    const served = await Promise.all(Array.from({ length: connections }, () => sendOne(port, request)))
    findings.wholeMs.push(performance.now() - began)
    findings.failed += served.filter((isServed) => !isServed).length
    await sleep(PAUSE_MS)
    findings.besideMs.push(Math.max(...(await nextTimes())))
  }
  process.stdout.write(`${JSON.stringify(findings)}\n`)
  process.exit()
}

/** True when the answer begins well; it comes in one piece. */
function sendOne(port, request) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const end = (isServed) => {
      resolve(isServed)
      socket.destroy()
    }
    socket.once('data', (bytes) => end(bytes.latin1Slice(0, 12) === 'HTTP/1.1 200'))
    socket.once('error', () => end(false)).once('close', () => end(false))
    socket.write(request)
  })
}

function encodeRequest(port) {
  const body = requestBody(BODY_BYTES, false)
  const headers = { host: `127.0.0.1:${port}`, ...requestHeaders('whole'), 'content-length': body.length }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST ${PATH} HTTP/1.1\r\n${lines.join('')}\r\n`), body])
}

/** In the thread: a new connection each time, as those have who look after the relay. */
function ask() {
  let times = []
  parentPort.on('message', () => {
    parentPort.postMessage(times)
    times = []
  })
  const askOnce = () => {
    const askedAt = performance.now()
    const again = () => setTimeout(askOnce, EVERY_MS)
    const call = get({ host: '127.0.0.1', port: workerData, path: '/health', agent: false }, (answer) =>
      answer.resume().once('end', () => {
        times.push(performance.now() - askedAt)
        again()
      }),
    )
    call.once('error', again)
  }
  askOnce()
}
