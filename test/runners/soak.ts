/**
 * The soak: a steady load of all dialects over both lanes, a share of it hit by faults and another share leaving early,
 * on the real program that watches itself. Every byte that comes back is traced to one attempt on one account.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { createSeededRandom } from '../core/seeded-random.ts'
import { createDeferred } from '../harness/deferred.ts'
import { assertNothingSecret } from '../harness/nothing-secret.ts'
import { type RawExchange, rawRequest } from '../harness/raw-client.ts'
import { after, answerWith, pause } from '../harness/reactions.ts'
import type { Reply } from '../harness/reply.ts'
import { startVendor } from '../harness/vendor.ts'
import type { VendorRequest } from '../harness/vendor-request.ts'
import { markedText } from './marked-answers.ts'
import { type Program, type ProgramState, startProgram, TOKEN } from './program.ts'
import { SOAK_FAULTS, type SoakFault } from './soak-faults.ts'
import { judge, type Verdict } from './soak-verdict.ts'

export interface SoakOptions {
  readonly cli: string
  readonly seconds: number
  readonly perSecond: number
  readonly seed: number
  /** How long the relay waits for a silent vendor. A machine that is slower than this makes faults of its own. */
  readonly silenceMs: number
  /** One line on how it is going. */
  readonly progress: (line: string) => void
}

export interface SoakFindings {
  readonly requests: number
  readonly perSecond: number
  readonly upstreamCalls: number
  /** How many ended how. */
  readonly ends: Readonly<Record<Verdict['kind'], number>>
  /** The first words on what nobody can explain. Must be empty. */
  readonly troubles: readonly string[]
  readonly before: ProgramState
  readonly after: ProgramState
  /**
   * What the memory gained per three minutes after the warm-up, by least squares: all that the process holds, and what V8's
   * heap has in use of it. Null for a run too short to tell.
   */
  readonly slopeMib: { readonly whole: number; readonly heap: number } | null
  readonly slowestHealthMs: number
  /** Of the relay, each second's 99th percentile: the middle one, and the longest delay of all. */
  readonly loopDelay: { readonly middleP99Ms: number; readonly mostMs: number }
  readonly exitCode: number | null
}

/** One request of the soak, and what it met on its way. */
export interface Plan {
  readonly id: number
  readonly protocol: Protocol
  readonly isStream: boolean
  readonly fault: SoakFault | null
  readonly isLeaving: boolean
  readonly words: number
  /** The attempts that the vendor saw. */
  readonly attempts: Array<{ readonly attemptId: string; readonly key: string; readonly fault: SoakFault | null }>
}

const PROTOCOLS: readonly Protocol[] = ['anthropic', 'openai-responses', 'openai-chat', 'gemini']
const PLATFORM: Record<Protocol, JsonObject> = {
  anthropic: { platform: 'anthropic' },
  'openai-responses': { platform: 'openai', wire_api: 'responses' },
  'openai-chat': { platform: 'openai', wire_api: 'chat' },
  gemini: { platform: 'gemini' },
}
const ACCOUNTS_PER_PROTOCOL = 6
const FAULT_SHARE = 0.2
const LEAVING_SHARE = 0.1
/** Of those that are answered well: they take their time over it. */
const SLOW_SHARE = 0.3
const LONGEST_PAUSE_MS = 800
const TICK_MS = 10
const WARM_UP_SHARE = 0.3
const LEAST_FOR_SLOPE_SECONDS = 60
const PATIENCE_MS = 15_000
const MOST_TROUBLES = 20
const MOST_PENDING = 400

export async function runSoak(options: SoakOptions): Promise<SoakFindings> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-'))
  const vendor = await startVendor()
  const random = createSeededRandom(options.seed)
  const plans = new Map<number, Plan>()
  let output = ''
  let upstreamCalls = 0
  vendor.always((request) => {
    upstreamCalls++
    return react(request, plans, random.whole)
  })
  let program: Program | null = null
  try {
    program = await startProgram({
      cli: options.cli,
      folder,
      settings: settings(vendor.url, options.silenceMs),
      onOutput(text) {
        // A secret that is cut in two by a chunk shows in the next look.
        output = output.slice(-200) + text
        assertNothingSecret(output, [TOKEN, ...KEYS])
      },
    })
    const before = await program.nextState()
    const ends: Record<Verdict['kind'], number> = { served: 0, told: 0, broken: 0, left: 0, unexplained: 0 }
    const troubles: string[] = []
    const run = await load(
      program,
      options,
      (id) => send(id, program as Program),
      (verdict) => {
        ends[verdict.kind]++
        if (verdict.kind === 'unexplained' && troubles.length < MOST_TROUBLES) troubles.push(verdict.why)
      },
      () => vendor.forget(),
    )
    const drained = await untilIdle(program)
    // Idle connections to the vendor are no leak; one that stays when the vendor is gone is.
    await vendor.close()
    const last = await untilAsBefore(program, before, drained)
    const exitCode = await program.stop()
    return {
      ...run,
      upstreamCalls,
      ends,
      troubles: [...troubles, ...program.errors.filter((line) => line.includes('assert.violated')).slice(0, 5)],
      before,
      after: last,
      slopeMib: slopesOf(program.states, options.seconds),
      loopDelay: loopDelayOf(program.states.slice(0, options.seconds)),
      exitCode,
    }
  } finally {
    program?.child.kill('SIGKILL')
    await vendor.close().catch(() => {})
    rmSync(folder, { recursive: true, force: true })
  }

  /** Sends one request and resolves to what became of it. */
  async function send(id: number, { port }: Program): Promise<Verdict> {
    const plan = makePlan(id)
    plans.set(id, plan)
    const exchange = rawRequest(port, requestOf(plan))
    if (plan.isLeaving) leave(exchange)
    const answer = await exchange
    plans.delete(id)
    return judge(plan, answer)
  }

  function makePlan(id: number): Plan {
    return {
      id,
      protocol: random.pick(PROTOCOLS),
      isStream: random.whole(3) > 0,
      fault: random.whole(1_000) < FAULT_SHARE * 1_000 ? random.pick(SOAK_FAULTS) : null,
      isLeaving: random.whole(1_000) < LEAVING_SHARE * 1_000,
      words: 4 + random.whole(40),
      attempts: [],
    }
  }

  function leave(exchange: RawExchange): void {
    const how = random.pick(['reset', 'close'] as const)
    const timer = setTimeout(() => exchange.abort(how), random.whole(60))
    const stay = (): void => clearTimeout(timer)
    exchange.then(stay, stay)
  }

  function requestOf({ id, protocol, isStream }: Plan) {
    const model = `soak-${random.pick(PROTOCOLS)}`
    const text = `request ${id}.`
    const headers = { authorization: `Bearer ${TOKEN}` }
    const messages = [{ role: 'user', content: text }]
    switch (protocol) {
      case 'anthropic':
        return { headers, path: '/v1/messages', body: { model, max_tokens: 99, stream: isStream, messages } }
      case 'openai-chat':
        return { headers, path: '/v1/chat/completions', body: { model, stream: isStream, messages } }
      case 'openai-responses':
        return { headers, path: '/v1/responses', body: { model, stream: isStream, input: text } }
      case 'gemini': {
        const verb = isStream ? 'streamGenerateContent?alt=sse' : 'generateContent'
        const contents = [{ role: 'user', parts: [{ text }] }]
        return { headers, path: `/v1beta/models/${model}:${verb}`, body: { contents } }
      }
    }
  }
}

const KEYS = PROTOCOLS.flatMap((protocol) =>
  Array.from({ length: ACCOUNTS_PER_PROTOCOL }, (_, n) => `key-of-${protocol}-${n}`),
)

function settings(url: string, silenceMs: number): JsonObject {
  const accounts = PROTOCOLS.flatMap((protocol) =>
    KEYS.filter((key) => key.startsWith(`key-of-${protocol}-`)).map((key) => ({
      ...PLATFORM[protocol],
      name: key.replace('key-of-', ''),
      api_key: key,
      base_url: url,
      models: [`soak-${protocol}`],
      concurrency: 40,
    })),
  )
  return {
    accounts,
    // Rests that pass within the run.
    cooldown: { max: '2s' },
    first_byte_timeout: `${silenceMs}ms`,
    response_timeout: `${silenceMs}ms`,
    stream_read_timeout: `${silenceMs}ms`,
    sticky_session_ttl: '10s',
  }
}

/** The first attempt of a request with a fault meets it; every other one is answered well, some of them slowly. */
function react(request: VendorRequest, plans: ReadonlyMap<number, Plan>, whole: (below: number) => number): Reply {
  const id = Number(/request (\d+)\./.exec(request.bytes.toString('latin1'))?.[1])
  const plan = plans.get(id)
  const mark = { attemptId: request.attemptId, key: request.key?.replace('key-of-', '') ?? '' }
  const text = markedText(mark, plan?.words ?? 4)
  const fault = plan?.attempts.length === 0 ? plan.fault : null
  plan?.attempts.push({ ...mark, fault })
  if (fault !== null) return fault.react({ text })(request)
  if (whole(1_000) >= SLOW_SHARE * 1_000) return answerWith({ text })(request)
  setTimeout(() => request.resume(), whole(LONGEST_PAUSE_MS))
  return answerWith({ text }, after('content', pause()))(request)
}

/** Requests at a steady rate, whatever becomes of those before. */
async function load(
  program: Program,
  options: SoakOptions,
  send: (id: number) => Promise<Verdict>,
  onEnd: (verdict: Verdict) => void,
  everySecond: () => void,
): Promise<{ requests: number; perSecond: number; slowestHealthMs: number }> {
  const { seconds, perSecond, progress } = options
  const startedAt = performance.now()
  const pending = new Set<Promise<unknown>>()
  const done = createDeferred()
  let sent = 0
  let ended = 0
  let missed = 0
  let unexplained = 0
  let slowestHealthMs = 0
  let lastSecond = 0

  const tick = (): void => {
    const elapsedMs = performance.now() - startedAt
    while (sent < (elapsedMs / 1_000) * perSecond - missed) {
      // A machine that cannot keep up is not given more and more to do; the rate that was reached is told.
      if (pending.size >= MOST_PENDING) {
        missed++
        continue
      }
      const one = send(sent++).then((verdict) => {
        ended++
        if (verdict.kind === 'unexplained') unexplained++
        onEnd(verdict)
      })
      pending.add(one)
      void one.finally(() => pending.delete(one))
    }
    if (Math.floor(elapsedMs / 1_000) > lastSecond) {
      lastSecond = Math.floor(elapsedMs / 1_000)
      everySecond()
      void timeHealth(program.port).then((ms) => (slowestHealthMs = Math.max(slowestHealthMs, ms)))
      const { rss_mib = 0, violations = 0 } = program.states.at(-1) ?? {}
      progress(
        `${lastSecond} of ${seconds} s: ${sent} sent, ${ended} ended, ${unexplained} unexplained, ${rss_mib} MiB, ${violations} rules broken`,
      )
    }
    if (elapsedMs < seconds * 1_000) setTimeout(tick, TICK_MS)
    else done.resolve()
  }
  tick()
  await done.promise
  const reached = sent / ((performance.now() - startedAt) / 1_000)
  await Promise.all(pending)
  return { requests: sent, perSecond: reached, slowestHealthMs }
}

async function timeHealth(port: number): Promise<number> {
  const startedAt = performance.now()
  await rawRequest(port, { path: '/health' })
  return performance.now() - startedAt
}

async function untilIdle(program: Program): Promise<ProgramState> {
  for (const deadline = performance.now() + PATIENCE_MS; ;) {
    const state = await program.nextState()
    if (isQuiet(state) || performance.now() > deadline) return state
  }
}

async function untilAsBefore(program: Program, before: ProgramState, drained: ProgramState): Promise<ProgramState> {
  let state = drained
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline;) {
    state = await program.nextState()
    if (isQuiet(state) && state.sockets <= before.sockets && state.timers <= before.timers) break
  }
  return state
}

function isQuiet({ open, calls, slots, waiting, watched }: ProgramState): boolean {
  return open + calls + slots + waiting + watched === 0
}

function loopDelayOf(states: readonly ProgramState[]): SoakFindings['loopDelay'] {
  const delays = states.map(({ loop_p99_ms }) => loop_p99_ms).toSorted((a, b) => a - b)
  const mostMs = Math.max(0, ...states.map(({ loop_max_ms }) => loop_max_ms))
  return { middleP99Ms: delays[Math.floor(delays.length / 2)] ?? 0, mostMs }
}

function slopesOf(states: readonly ProgramState[], seconds: number): SoakFindings['slopeMib'] {
  if (seconds < LEAST_FOR_SLOPE_SECONDS) return null
  const settled = states.slice(Math.floor(seconds * WARM_UP_SHARE), seconds)
  return {
    whole: slopeOf(settled.map(({ rss_mib }) => rss_mib)),
    heap: slopeOf(settled.map(({ heap_mib }) => heap_mib)),
  }
}

/** Per three minutes, of points a second apart. */
function slopeOf(points: readonly number[]): number {
  const meanX = (points.length - 1) / 2
  const meanY = points.reduce((sum, y) => sum + y, 0) / points.length
  const covariance = points.reduce((sum, y, x) => sum + (x - meanX) * (y - meanY), 0)
  const variance = points.reduce((sum, _, x) => sum + (x - meanX) ** 2, 0)
  return (covariance / variance) * 180
}
