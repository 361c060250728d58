/**
 * What is measured, as a table, and how each kind of case is run against one system.
 */
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMs, rssBytes } from './measure.mjs'
import { firstLine, LOAD_CORE, run, start, stop } from './processes.mjs'
import { spreadOf } from './report.mjs'
import { PATH, requestBody, requestHeaders } from './traffic.mjs'

const KB = 1024
const MB = 1024 * KB
const here = (file) => fileURLToPath(new URL(file, import.meta.url))

/**
 * `kind` names the function below; `isFresh` cases start the system anew each round; `isQuick` ones are in the short form.
 * A case with `answer` is streamed.
 */
export const CASES = [
  {
    name: 'whole',
    title: '1 KB request and answer, 32 connections',
    kind: wholeAnswers,
    connections: 32,
    bytes: KB,
    isQuick: true,
  },
  {
    name: 'whole-1',
    title: 'the same, 1 connection: what is added to a request',
    kind: wholeAnswers,
    connections: 1,
    bytes: KB,
  },
  {
    name: 'body-200k',
    title: '200 KB request, session in a header, 16 connections',
    kind: wholeAnswers,
    connections: 16,
    bytes: 200 * KB,
    isQuick: true,
  },
  {
    name: 'body-200k-bare',
    title: '200 KB request that names no session',
    kind: wholeAnswers,
    connections: 16,
    bytes: 200 * KB,
    headers: { session: false },
  },
  { name: 'body-2m', title: '2 MB request, 16 connections', kind: wholeAnswers, connections: 16, bytes: 2 * MB },
  {
    name: 'sse-paced',
    title: '200 streams of 100 events, one each 10 ms',
    kind: streams,
    answer: 'paced',
    connections: 200,
    isQuick: true,
  },
  {
    name: 'sse-flat',
    title: '1 stream as fast as it flows',
    kind: streams,
    answer: 'flat',
    connections: 1,
    isQuick: true,
  },
  {
    name: 'sse-first',
    title: '1 client, short streams: time to the first event',
    kind: streams,
    answer: 'short',
    connections: 1,
  },
  {
    name: 'sse-large',
    title: 'one event of 8 MB, short streams beside it',
    kind: largeEvents,
    answer: 'large',
    connections: 1,
  },
  { name: 'crowd', title: '300 new connections in one moment, /health beside them', kind: crowds, connections: 300 },
  { name: 'idle-1000', title: '1,000 silent streams', kind: idleStreams, connections: 1_000, isFresh: true },
  { name: 'idle-5000', title: '5,000 silent streams', kind: idleStreams, connections: 5_000, isFresh: true },
  { name: 'start', title: 'start to first answer, then its memory', kind: coldStart, isFresh: true, isQuick: true },
  { name: 'rest', title: 'one answer, then ten seconds of rest', kind: atRest, isFresh: true },
]

/** wrk sends the same request for ever. CPU is divided by the answers that came. */
async function wholeAnswers(bench, system, { connections, bytes, headers = {} }) {
  const body = join(bench.folder, `body-${bytes}.json`)
  writeFileSync(body, requestBody(bytes, false))
  const lines = Object.entries(requestHeaders('whole', headers)).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const url = `http://127.0.0.1:${system.port}${PATH}`
  const wrk = (seconds) =>
    run(
      bench.programs.taskset,
      LOAD_CORE,
      [bench.programs.wrk, '-t1', `-c${connections}`, `-d${seconds}s`, '-s', here('wrk.lua'), ...lines, url],
      { env: { BENCH_BODY: body } },
    )
  if (system.isCold) await wrk(bench.seconds)
  const before = cpuOf(system)
  const found = JSON.parse(/^JSON (.*)$/m.exec(await wrk(bench.seconds))[1])
  return {
    cpuMicros: perUnit(system, before, found.requests),
    perSecond: (found.requests * 1000) / found.elapsedMs,
    p50Ms: found.p50,
    p99Ms: found.p99,
    failed: found.failed,
  }
}

/** Streams one after the other on each connection. CPU is divided by the events that came. */
async function streams(bench, system, { answer, connections }) {
  const load = () => loadSse(bench, { port: system.port, answer, connections, durationMs: bench.seconds * 1000 })
  if (system.isCold) await load()
  const before = cpuOf(system)
  const found = await load()
  return {
    cpuMicros: perUnit(system, before, found.events),
    perSecond: (found.events * 1000) / found.elapsedMs,
    p50Ms: found.firstEventMs.p50,
    p99Ms: found.firstEventMs.p99,
    failed: found.failed,
  }
}

/** How long the large event takes, and how long it keeps others waiting: the slowest of the short streams beside it. */
async function largeEvents(bench, system, { answer, connections }) {
  const durationMs = bench.seconds * 1000
  const load = () => loadSse(bench, { port: system.port, answer, connections, durationMs })
  if (system.isCold) await load()
  const before = cpuOf(system)
  const large = await load()
  const cpuMicros = perUnit(system, before, large.streams)
  const [, beside] = await Promise.all([
    load(),
    loadSse(bench, { port: system.port, answer: 'short', connections: 1, durationMs }),
  ])
  return {
    cpuMicros,
    p50Ms: large.wholeMs.p50,
    p99Ms: large.wholeMs.p99,
    besideMs: beside.wholeMs.max,
    failed: large.failed + beside.failed,
  }
}

/** How long a crowd takes, and how long it keeps waiting whoever asks for the health meanwhile: the middle one of each. */
async function crowds(bench, system, { connections }) {
  const task = { port: system.port, connections, durationMs: bench.seconds * 1000 }
  const command = [process.execPath, here('load-crowd.mjs'), JSON.stringify(task)]
  const load = async () => JSON.parse(await run(bench.programs.taskset, LOAD_CORE, command))
  if (system.isCold) await load()
  const { wholeMs, besideMs, failed } = await load()
  return { p50Ms: spreadOf(wholeMs).median, besideMs: spreadOf(besideMs).median, failed }
}

/** Memory with all streams open and nothing flowing. */
async function idleStreams(bench, system, { connections }) {
  if (system.child === null) return {}
  const task = { port: system.port, answer: 'hold', connections, holds: true }
  const load = start(bench.programs.taskset, LOAD_CORE, [process.execPath, here('load-sse.mjs'), JSON.stringify(task)])
  try {
    const { streams: open } = await firstLine(load)
    await sleep(2_000)
    return { rssMb: rssBytes(system.child.pid) / MB, failed: connections - open }
  } finally {
    await stop(load)
  }
}

/** The system has just been spawned: the first answer to a client that does not give up, then its memory. */
async function coldStart(bench, system) {
  if (system.child === null) return {}
  while (!(await answers(system.port))) await sleep(1)
  const startMs = performance.now() - system.spawnedAt
  await sleep(1_500)
  return { startMs, rssMb: rssBytes(system.child.pid) / MB, failed: 0 }
}

/** Memory of a system that is left alone: V8 tidies up after eight idle seconds. */
async function atRest(bench, system) {
  if (system.child === null) return {}
  const isServed = await answers(system.port)
  await sleep(10_000)
  return { rssMb: rssBytes(system.child.pid) / MB, failed: isServed ? 0 : 1 }
}

function answers(port) {
  return new Promise((resolve) => {
    const body = requestBody(KB, false)
    const headers = { ...requestHeaders('whole'), 'content-length': body.length }
    const call = request({ port, host: '127.0.0.1', path: PATH, method: 'POST', headers, agent: false })
    call.once('response', (answer) => answer.resume().once('end', () => resolve(answer.statusCode === 200)))
    call.once('error', () => resolve(false))
    call.end(body)
  })
}

async function loadSse(bench, task) {
  const command = [process.execPath, here('load-sse.mjs'), JSON.stringify(task)]
  return JSON.parse(await run(bench.programs.taskset, LOAD_CORE, command))
}

function cpuOf({ child }) {
  return child === null ? null : cpuMs(child.pid)
}

function perUnit(system, before, units) {
  return before === null ? null : ((cpuOf(system) - before) * 1000) / units
}
