/**
 * The thread of health-watch.ts: a story keeps its own event loop busy, and its delays are not the relay's.
 */
import { get } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

const { port, everyMs } = workerData
const timesMs = []
let timer = null
let isOver = false

function ask() {
  const askedAt = performance.now()
  get({ host: '127.0.0.1', port, path: '/health', agent: false }, (answer) => {
    answer.resume().once('end', () => {
      if (answer.statusCode === 200) timesMs.push(performance.now() - askedAt)
      again()
    })
  }).once('error', again)
}

/** A relay that was stopped or killed does not answer, and is not slow. */
function again() {
  if (!isOver) timer = setTimeout(ask, everyMs)
}

parentPort.once('message', () => {
  isOver = true
  clearTimeout(timer)
  parentPort.postMessage(timesMs)
  parentPort.close()
})
ask()
