/**
 * What the hub lane costs per event: each dialect's stream is read and written in each other dialect, and compared with one
 * JSON.parse and one JSON.stringify of the same events in the same run. Then one event of 8 MB, which must cost in
 * proportion to its size. Single process, no sockets. Usage: npm run bench:convert [-- --json]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const EVENTS = 2_000
const ROUNDS = 15
/** More than this many times a parse and a stringify is too much. */
const MOST_RATIO = 4
const DIALECTS = ['anthropic', 'openai-responses', 'openai-chat', 'gemini']
const MODELS = {
  anthropic: 'claude-opus-5-5',
  'openai-responses': 'gpt-5.5',
  'openai-chat': 'qwen3',
  gemini: 'gemini-3-pro',
}

const parts = await loadParts()
const results = []
for (const from of DIALECTS) {
  for (const to of DIALECTS) if (from !== to) results.push(measure(from, to))
}
const huge = DIALECTS.filter((to) => to !== 'anthropic').map((to) => measureHuge(to))
if (process.argv.includes('--json')) console.log(JSON.stringify({ events: EVENTS, directions: results, huge }, null, 2))
else print()
process.exitCode = results.some(({ ratio }) => ratio > MOST_RATIO) ? 1 : 0

/** The sources as one module; Node itself cannot read TypeScript. */
async function loadParts() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-convert-'))
  try {
    const bundler = await rolldown({ input: join(root, 'scripts', 'bench', 'convert-parts.mjs'), platform: 'node' })
    const { output } = await bundler.write({ dir: folder, format: 'esm' })
    return await import(pathToFileURL(join(folder, output[0].fileName)).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** CPU in µs per event, the median of the rounds, and how often a parse and a stringify would fit into it. */
function measure(from, to) {
  const stream = streamOf(from, EVENTS, 'word ')
  const data = eventsIn(stream)
  const conversions = []
  const baselines = []
  for (let round = 0; round < ROUNDS; round++) {
    baselines.push(cpuOf(() => data.forEach((text) => JSON.stringify(JSON.parse(text)))))
    conversions.push(cpuOf(() => convert(from, to, stream)))
  }
  const perEvent = median(conversions) / data.length
  const baseline = median(baselines) / data.length
  return {
    from,
    to,
    events: data.length,
    microseconds: round2(perEvent),
    baseline: round2(baseline),
    ratio: round2(perEvent / baseline),
  }
}

/** The same answer of one delta, small and eight times as large: the cost may grow eightfold, not sixty-four fold. */
function measureHuge(to) {
  const cost = (bytes) => {
    const stream = streamOf('anthropic', 1, 'x'.repeat(bytes))
    return median(Array.from({ length: 5 }, () => cpuOf(() => convert('anthropic', to, stream))))
  }
  const small = cost(1024 * 1024)
  const large = cost(8 * 1024 * 1024)
  return { to, milliseconds: round2(large / 1000), growth: round2(large / small) }
}

function convert(from, to, stream) {
  const target = targetOf(from)
  const decoder = parts.hubUpstreams[from].createStreamDecoder(target)
  const encoder = parts.hubDownstreams[to].createStreamEncoder(contextOf(to))
  let written = 0
  const take = (deltas) => {
    for (const delta of deltas) written += encoder.encode(delta).length
  }
  const scanner = new parts.FrameScanner((frame) => take(decoder.decode(frame)), { keptBytes: 64 * 1024 * 1024 })
  // In reads of the size that sockets give.
  for (let at = 0; at < stream.length; at += 65_536) scanner.push(stream.subarray(at, at + 65_536))
  scanner.end()
  take(decoder.end())
  if (written === 0) throw new Error(`${from} to ${to} wrote nothing`)
}

/** A stream of a dialect, written by its own encoder from neutral steps. */
function streamOf(dialect, deltas, text) {
  const encoder = parts.hubDownstreams[dialect].createStreamEncoder(contextOf(dialect))
  const steps = [
    { type: 'start', id: 'answer', model: MODELS[dialect] },
    { type: 'text-start', key: 'text' },
    ...Array.from({ length: deltas }, () => ({ type: 'text-delta', key: 'text', text })),
    { type: 'text-end', key: 'text' },
    { type: 'usage', usage: { input: 100, output: deltas } },
    { type: 'finish', reason: 'stop' },
  ]
  return Buffer.from(steps.map((step) => encoder.encode(step)).join(''))
}

function conversationOf(source) {
  const nothing = {
    toolChoice: null,
    parallelTools: null,
    maxOutputTokens: null,
    reasoning: null,
    format: null,
    verbosity: null,
  }
  const unnamed = { cacheKey: null, marksCache: false, user: null, serviceTier: null, previousResponseId: null }
  const turns = [{ role: 'user', parts: [{ type: 'text', text: 'go' }] }]
  const lists = { system: [], turns, tools: [], stop: [], sampling: {}, extras: {} }
  return { source, model: 'asked', stream: true, wantsUsage: true, ...lists, ...nothing, ...unnamed }
}

function contextOf(dialect) {
  let ids = 0
  const originalName = (name) => ({ name, kind: null })
  const conversation = conversationOf(dialect)
  return {
    conversation,
    model: 'asked',
    now: 0,
    createId: (prefix) => `${prefix}${ids++}`,
    originalName,
    ledger: parts.createLedger(),
  }
}

function targetOf(dialect) {
  const names = parts.createNameMap(conversationOf(dialect), dialect)
  const capabilities = parts.capabilitiesOf(MODELS[dialect], dialect, true)
  const { toolName, callId } = names
  return {
    model: MODELS[dialect],
    capabilities,
    account: 'a',
    isVendorHost: true,
    cacheKey: null,
    toolName,
    callId,
    ledger: parts.createLedger(),
  }
}

function eventsIn(stream) {
  const found = []
  const scanner = new parts.FrameScanner((frame) => found.push(frame.data.toString('utf8')))
  scanner.push(stream)
  scanner.end()
  return found.filter((text) => text.startsWith('{'))
}

function cpuOf(run) {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

function round2(value) {
  return Math.round(value * 100) / 100
}

function print() {
  console.log(`conversion, CPU per event (${EVENTS} text deltas, median of ${ROUNDS} rounds; at most ${MOST_RATIO}x)`)
  for (const { from, to, microseconds, baseline, ratio } of results) {
    const direction = `${from} -> ${to}`.padEnd(36)
    console.log(
      `  ${direction} ${microseconds.toFixed(2).padStart(6)} µs   parse+stringify ${baseline.toFixed(2)} µs   ${ratio.toFixed(2)}x`,
    )
  }
  console.log('one event of 8 MB from anthropic (growth from 1 MB to 8 MB; 8 is linear)')
  for (const { to, milliseconds, growth } of huge)
    console.log(`  to ${to.padEnd(33)} ${milliseconds.toFixed(1).padStart(6)} ms   growth ${growth.toFixed(1)}`)
}
