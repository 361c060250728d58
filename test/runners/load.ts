/**
 * The relay under load and under attack, scene by scene: thousands of open streams, dead accounts, failing vendors, and
 * clients that open sockets to no good end. Every scene has a program of its own and says what it found.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { JsonObject } from '../../src/core/json.ts'
import { findClosedPort } from '../harness/listener.ts'
import { rawRequest, type RawExchange } from '../harness/raw-client.ts'
import { after, answerText, answerWith, fail, pause } from '../harness/reactions.ts'
import { readText } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'
import { type Program, startProgram, TOKEN } from './program.ts'

export interface SceneOptions {
  readonly cli: string
  readonly folder: string
  readonly progress: (line: string) => void
}

/** `isFine` false when the promise was not kept; `figures` in words. */
export interface SceneFindings {
  readonly isFine: boolean
  readonly figures: string
}

const WORDS = Array.from({ length: 12 }, (_, n) => `word-${n} `)
/** Behind the start of message and block, and a word. */
const FIRST_PAUSED_EVENT = 4
const GROUP = 100
/** Streams do not keep time with each other: a part of them tells its word at a time. */
const PHASES = 20

/** Streams that are open all at once and tell a word at every beat, each in its phase. None may be refused, none broken. */
export async function openStreams(
  options: SceneOptions,
  count: number,
  beatMs: number,
): Promise<SceneFindings & { loopP99Ms: number }> {
  return withStage(options, [{}], async ({ program, vendor }) => {
    // Every word but the first ones waits for the beat: without any content the relay would hold the head back.
    const beats = WORDS.map((_, n) => after(n + FIRST_PAUSED_EVENT, pause()))
    vendor.always(answerWith({ text: WORDS }, ...beats.slice(0, -1)))
    const streams: RawExchange[] = []
    for (let opened = 0; opened < count; opened += GROUP) {
      const group = Array.from({ length: Math.min(GROUP, count - opened) }, () => ask(program, true))
      await Promise.all(group.map((stream) => stream.head.catch(() => null)))
      streams.push(...group)
      options.progress(`${streams.length} of ${count} streams are open`)
    }
    const states = program.states.length
    const most = program.states.at(-1)?.open ?? 0
    let turn = 0
    const beat = setInterval(() => {
      const { requests } = vendor
      for (let at = turn; at < requests.length; at += PHASES) if (requests[at]?.isActive) requests[at]?.resume()
      turn = (turn + 1) % PHASES
      options.progress(`${count} streams: ${vendor.load.active} open, ${program.states.at(-1)?.loop_p99_ms} ms`)
    }, beatMs / PHASES)
    const answers = await Promise.all(streams)
    clearInterval(beat)
    const refused = answers.filter(({ status }) => status !== 200).length
    const broken = answers.filter(
      ({ status, ended, body }) => status === 200 && (ended !== 'clean' || readText(body) !== WORDS.join('')),
    ).length
    const told = program.states.slice(states)
    const delays = told.map(({ loop_p99_ms }) => loop_p99_ms).toSorted((a, b) => a - b)
    const loopP99Ms = delays[Math.floor(delays.length / 2)] ?? 0
    const rss = Math.max(...told.map(({ rss_mib }) => rss_mib))
    return {
      isFine: refused + broken === 0,
      loopP99Ms,
      figures: `${count} streams (${most} at once before the first beat): ${refused} refused, ${broken} broken, event-loop delay p99 ${loopP99Ms} ms, ${Math.round(rss)} MiB`,
    }
  })
}

/** One of three accounts refuses connections: every client is served all the same. */
export async function deadAccount(options: SceneOptions, requests: number): Promise<SceneFindings> {
  const dead = `http://127.0.0.1:${await findClosedPort()}`
  return withStage(options, [{}, {}, { base_url: dead }], async ({ program }) => {
    const { served } = await askMany(program, requests)
    return { isFine: served === requests, figures: `1 of 3 accounts dead: ${served} of ${requests} requests served` }
  })
}

/** Half of all calls fail: clients are served, and the vendor is not asked twice as often for it. */
export async function halfFailing(options: SceneOptions, requests: number): Promise<SceneFindings> {
  return withStage(options, [{}, {}, {}, {}], async ({ program, vendor }) => {
    const calls = { count: 0 }
    vendor.always((request) => (calls.count++ % 2 === 0 ? fail(500) : answerText('hello'))(request))
    const { served } = await askMany(program, requests)
    const ratio = calls.count / requests
    return {
      isFine: ratio <= 1.7,
      figures: `half of all calls fail: ${ratio.toFixed(2)} upstream calls per request, ${served} of ${requests} served`,
    }
  })
}

/** Everything is dead for a while and comes back: the relay serves again at once, without a restart. */
export async function allDead(options: SceneOptions, seconds: number): Promise<SceneFindings> {
  return withStage(options, [{}, {}], async ({ program, vendor }) => {
    const { port } = vendor
    await vendor.close()
    const deadUntil = performance.now() + seconds * 1_000
    let refused = 0
    while (performance.now() < deadUntil) {
      const { status } = await ask(program, false)
      if (status !== 200) refused++
      options.progress(`all accounts are dead: ${refused} requests refused`)
      await sleep(200)
    }
    const back = await startVendor({ port })
    try {
      const backAt = performance.now()
      while ((await ask(program, false)).status !== 200 && performance.now() - backAt < 60_000) await sleep(100)
      const tookMs = performance.now() - backAt
      return {
        isFine: tookMs <= 5_000,
        figures: `all dead for ${seconds} s, ${refused} requests refused: served again ${(tookMs / 1_000).toFixed(1)} s after they came back`,
      }
    } finally {
      await back.close()
    }
  })
}

/** Sockets that send half a head, or half a body, and wait: others are served meanwhile, and the memory is not eaten. */
export async function halfOpenSockets(options: SceneOptions, count: number): Promise<SceneFindings> {
  return withStage(options, [{}], async ({ program }) => {
    const before = await program.nextState()
    const sockets: Socket[] = []
    let slowestMs = 0
    let unserved = 0
    const says = [
      '',
      'POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-slow: ',
      `POST /v1/messages HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 100\r\n\r\n{`,
    ]
    try {
      for (let opened = 0; opened < count; opened += GROUP) {
        const group = Array.from({ length: Math.min(GROUP, count - opened) }, () => connect(program.port, '127.0.0.1'))
        group.forEach((socket, n) => socket.on('error', () => {}).write(says[n % 50 === 0 ? 2 : n % 2] as string))
        await Promise.all(group.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])))
        sockets.push(...group)
        if (opened % (10 * GROUP) !== 0) continue
        const askedAt = performance.now()
        if ((await ask(program, true)).status !== 200) unserved++
        slowestMs = Math.max(slowestMs, performance.now() - askedAt)
        options.progress(`${sockets.length} of ${count} half-open sockets, ${unserved} clients not served`)
      }
      const { sockets: held, rss_mib } = await program.nextState()
      return {
        isFine: unserved === 0,
        figures: `${count} half-open sockets: ${held} held, ${unserved} clients not served meanwhile, slowest ${Math.round(slowestMs)} ms, memory ${before.rss_mib} -> ${rss_mib} MiB`,
      }
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
}

interface SceneStage {
  readonly program: Program
  readonly vendor: Vendor
}

/** A scene whose program broke a rule of its own, or did not end well, is not fine whatever it found. */
async function withStage<Findings extends SceneFindings>(
  { cli, folder }: SceneOptions,
  accounts: readonly JsonObject[],
  play: (stage: SceneStage) => Promise<Findings>,
): Promise<Findings> {
  const vendor = await startVendor()
  const settings = {
    log: { format: 'json', level: 'info' },
    enable_request_log: false,
    accounts: accounts.map((facts, n) => ({
      name: `account-${n}`,
      platform: 'anthropic',
      api_key: `key-of-account-${n}`,
      base_url: vendor.url,
      concurrency: 0,
      ...facts,
    })),
  }
  const program = await startProgram({ cli, folder: join(folder, `scene-${vendor.port}`), settings })
  try {
    const findings = await play({ program, vendor })
    const code = await program.stop()
    if (code === 0) return findings
    return { ...findings, isFine: false, figures: `${findings.figures}; exit code ${code}: ${program.errors[0] ?? ''}` }
  } finally {
    program.child.kill('SIGKILL')
    await vendor.close()
  }
}

function ask(program: Program, stream: boolean): RawExchange {
  return rawRequest(program.port, {
    path: '/v1/messages',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: { model: 'claude-load', max_tokens: 9, stream, messages: [] },
  })
}

async function askMany(program: Program, requests: number): Promise<{ served: number }> {
  let served = 0
  let next = 0
  const client = async (): Promise<void> => {
    while (next < requests) {
      const { status, ended } = await ask(program, next++ % 2 === 0)
      if (status === 200 && ended === 'clean') served++
    }
  }
  await Promise.all(Array.from({ length: 16 }, client))
  return { served }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
