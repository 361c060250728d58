/**
 * How long the program takes from its start to its first answer, and how much memory it then rests in.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const STARTS = 9
/** What the start needed is given back by then, or is not given back. */
const REST_MS = 3000
const RETRY_MS = 1

/** In: the command. Out: the median of nine starts in milliseconds, and megabytes (null where there is no /proc). */
export async function measureStart(command) {
  const folder = mkdtempSync(join(tmpdir(), 'start-'))
  try {
    const times = []
    for (let start = 1; start < STARTS; start++) times.push((await startOnce(command, folder, 0)).firstAnswerMs)
    const last = await startOnce(command, folder, REST_MS)
    times.push(last.firstAnswerMs)
    return { firstAnswerMs: times.toSorted((a, b) => a - b)[Math.floor(STARTS / 2)], residentMegabytes: last.megabytes }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startOnce([file, ...parameters], folder, restMs) {
  const port = await findFreePort()
  const config = join(folder, 'config.json')
  const accounts = [{ platform: 'anthropic', api_key: 'a-key', base_url: 'http://127.0.0.1:9' }]
  const settings = { listen_addr: `127.0.0.1:${port}`, auth_tokens: ['a-client-token-for-tests'], accounts }
  writeFileSync(config, JSON.stringify(settings), { mode: 0o600 })
  const startedAt = performance.now()
  const child = spawn(file, [...parameters, '-config', config], { stdio: 'ignore' })
  try {
    while (!(await isAnswered(port))) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode} instead of answering`)
      await sleep(RETRY_MS)
    }
    const firstAnswerMs = performance.now() - startedAt
    await sleep(restMs)
    return { firstAnswerMs, megabytes: residentMegabytes(child.pid) }
  } finally {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
}

function isAnswered(port) {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/health', agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('error', () => resolve(false))
  })
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function residentMegabytes(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
  } catch {
    return null
  }
}

function sleep(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
