/**
 * `npm run bench`: what the relay costs, measured beside nginx and beside no proxy at all, in turns and on pinned cores.
 * docs/benchmark.md says how to read it.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { arch, cpus, loadavg, platform, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CASES } from './cases.mjs'
import { canMeasure, findPrograms, rssBytes } from './measure.mjs'
import { nginxCommand } from './nginx.mjs'
import { firstLine, freePort, killAll, LOAD_CORE, start, stop, SUBJECT_CORE, untilOpen } from './processes.mjs'
import { topFrames } from './profile.mjs'
import { startRelay } from './relay.mjs'
import { format, summarize } from './report.mjs'

const USAGE = `npm run bench -- [options]
  --quick            the short form, under a minute
  --case <name>      only this case; may be repeated (${CASES.map(({ name }) => name).join(', ')})
  --rounds <n>       how often each case is run in turns (5)
  --seconds <n>      how long each run of a case lasts (3)
  --relay <cli.js>   the build to measure (dist/cli.js); a copy stays as it is while others build
  --against <cli.js> another build of the relay, measured in the same turns
  --bare             a proxy of a few lines, measured in the same turns: what Node itself costs
  --json             print figures as JSON
  --profile          the relay alone, with a .cpuprofile per case in the folder bench-profiles
`
/** Memory does not jitter as time does. */
const MOST_FRESH_ROUNDS = 3

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    relay: { type: 'string' },
    against: { type: 'string' },
    bare: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const say = (text) => void process.stderr.write(`${text}\n`)

process.on('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

if (options.help) process.stdout.write(USAGE)
else if (!canMeasure) say('The benchmark reads /proc and so needs Linux.')
else await main()

async function main() {
  const cases = chosenCases()
  const bench = {
    programs: findPrograms(),
    folder: mkdtempSync(join(tmpdir(), 'bench-')),
    rounds: Number(options.rounds ?? (options.profile ? 1 : options.quick ? 2 : 5)),
    seconds: Number(options.seconds ?? (options.quick ? 1 : 3)),
    profiles: options.profile ? resolve('bench-profiles') : null,
  }
  tellWhatIsMissing(bench.programs)
  const upstream = start(bench.programs.taskset, LOAD_CORE, [process.execPath, ourFile('upstream.mjs')])
  try {
    const { port } = await firstLine(upstream)
    const summaries = []
    for (const each of cases) {
      if (each.kind.name === 'wholeAnswers' && bench.programs.wrk === null) continue
      const summary = summarize(each.name, each.title, await runCase({ ...bench, upstreamPort: port }, each))
      summaries.push(summary)
      if (!options.json) process.stdout.write(`${format(summary)}\n`)
    }
    if (options.json) process.stdout.write(`${JSON.stringify({ machine: machine(), cases: summaries }, null, 2)}\n`)
    if (summaries.some(({ rows }) => rows.some(({ failed }) => failed > 0))) process.exitCode = 1
  } finally {
    await stop(upstream)
    rmSync(bench.folder, { recursive: true, force: true })
  }
}

function chosenCases() {
  const asked = options.case ?? null
  const unknown = asked?.find((name) => !CASES.some((each) => each.name === name))
  if (unknown !== undefined) {
    say(`There is no case "${unknown}".\n${USAGE}`)
    process.exit(2)
  }
  if (asked !== null) return CASES.filter(({ name }) => asked.includes(name))
  return options.quick ? CASES.filter(({ isQuick }) => isQuick) : CASES
}

/** Every round visits every system, so that what the machine does meanwhile hits all of them. */
async function runCase(bench, each) {
  const kinds = systemsOf(bench.programs)
  const rounds = []
  const running = each.isFresh === true ? null : await startAll(bench, kinds, each)
  const count = each.isFresh === true ? Math.min(bench.rounds, MOST_FRESH_ROUNDS) : bench.rounds
  for (let round = 0; round < count; round++) {
    const findings = {}
    for (const kind of kinds) {
      const system = running?.get(kind.name) ?? (await startSystem(bench, kind, each))
      findings[kind.name] = { rssMb: null, ...(await each.kind(bench, system, each)) }
      if (system.child !== null) findings[kind.name].rssMb ??= rssBytes(system.child.pid) / 1024 / 1024
      system.isCold = false
      if (running === null) await stopSystem(system)
    }
    rounds.push(findings)
  }
  for (const system of running?.values() ?? []) await stopSystem(system)
  if (bench.profiles !== null) {
    say([`${each.name}, by self time:`, ...topFrames(join(bench.profiles, `${each.name}.cpuprofile`))].join('\n  '))
  }
  return rounds
}

function systemsOf({ nginx }) {
  const relay = { name: 'relay', bundle: resolve(options.relay ?? ourFile('../../dist/cli.js')) }
  if (options.profile) return [relay]
  return [
    { name: 'direct' },
    ...(nginx === null ? [] : [{ name: 'nginx' }]),
    ...(options.bare ? [{ name: 'bare' }] : []),
    ...(options.against === undefined ? [] : [{ name: 'against', bundle: resolve(options.against) }]),
    relay,
  ]
}

async function startAll(bench, kinds, each) {
  const systems = new Map()
  for (const kind of kinds) systems.set(kind.name, await startSystem(bench, kind, each))
  return systems
}

/** `isCold` until it has been measured once: the first run of a process is not what it costs for the rest of its life. */
async function startSystem(bench, { name, bundle }, each) {
  const { programs, folder, upstreamPort } = bench
  if (name === 'direct') return { child: null, port: upstreamPort, isCold: true }
  const port = await freePort()
  const spawnedAt = performance.now()
  const child = name === 'nginx' ? startNginx() : name === 'bare' ? startBarePipe() : startTheRelay()
  // The case that measures the start watches for it by itself.
  if (each.name !== 'start') await untilOpen(port, child)
  return { child, port, spawnedAt, isCold: true }

  function startNginx() {
    const command = nginxCommand(programs.nginx, folder, port, upstreamPort)
    return start(programs.taskset, SUBJECT_CORE, command, { stdio: ['ignore', 'ignore', 'inherit'] })
  }

  function startBarePipe() {
    const command = [process.execPath, ourFile('bare-pipe.mjs'), String(port), String(upstreamPort)]
    return start(programs.taskset, SUBJECT_CORE, command)
  }

  function startTheRelay() {
    return startRelay({ ...bench, ...programs, bundle, port, profile: profile() })
  }

  function profile() {
    if (bench.profiles === null) return null
    mkdirSync(bench.profiles, { recursive: true })
    return { folder: bench.profiles, name: `${each.name}.cpuprofile` }
  }
}

async function stopSystem({ child }) {
  if (child !== null) await stop(child)
}

function tellWhatIsMissing({ nginx, wrk, taskset }) {
  if (nginx === null) say('nginx is not installed (Debian: nginx-light): there will be no ratios.')
  if (wrk === null) say('wrk is not installed: the cases with whole answers are left out.')
  if (taskset === null) say('Processes are not pinned: one core, or no taskset (util-linux).')
  const [load] = loadavg()
  if (load > 0.5) say(`The machine is busy (load ${load.toFixed(1)}): read ratios and their spread, not digits.`)
}

function machine() {
  return {
    node: process.version,
    cpu: cpus()[0]?.model ?? '',
    cores: cpus().length,
    system: `${platform()} ${arch()}`,
    load: loadavg()[0],
  }
}

function ourFile(path) {
  return fileURLToPath(new URL(path, import.meta.url))
}
