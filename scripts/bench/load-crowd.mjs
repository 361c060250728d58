/**
 * The client of the crowd: opens all its connections in one moment, each with a request, while a thread of its own asks
 * `/health` all the time. Takes its task as JSON in the first argument, prints its findings as one line of JSON.
 */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { encodeRequest, requestBody, requestHeaders } from './traffic.mjs'

const ASKER = new URL('../../test/harness/health-asker.mjs', import.meta.url)
const EVERY_MS = 5
const PAUSE_MS = 200

const { port, connections, durationMs } = JSON.parse(process.argv[2])
const request = encodeRequest(requestHeaders('whole'), requestBody(1_024, false))
const findings = { wholeMs: [], besideMs: [], failed: 0 }
for (const startedAt = performance.now(); performance.now() - startedAt < durationMs;) await crowd()
process.stdout.write(`${JSON.stringify(findings)}\n`)

async function crowd() {
  const asker = new Worker(ASKER, { workerData: { port, everyMs: EVERY_MS } })
  await sleep(PAUSE_MS)
  const began = performance.now()
  const served = await Promise.all(Array.from({ length: connections }, sendOne))
  findings.wholeMs.push(performance.now() - began)
  findings.failed += served.filter((isServed) => !isServed).length
  await sleep(PAUSE_MS)
  const told = new Promise((resolve) => asker.once('message', resolve))
  asker.postMessage('stop')
  findings.besideMs.push(Math.max(...(await told)))
}

/** True when the answer begins well; it comes in one piece. */
function sendOne() {
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
