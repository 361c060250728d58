/**
 * `npm run soak -- --minutes 10 --rate 200 --seed 1`: the soak in full, its figures, and what they should be.
 */
import { readOptions, type RunnerOutput } from './command.ts'
import { runSoak, type SoakFindings } from './soak.ts'

export async function main(args: readonly string[], { progress, say }: RunnerOutput): Promise<boolean> {
  const { minutes, rate, seed, cli } = readOptions(args, { minutes: 10, rate: 200, seed: 1 })
  say(`soak: ${minutes} min at ${rate} requests/s, seed ${seed}`)
  const findings = await runSoak({
    cli,
    seconds: minutes * 60,
    perSecond: rate,
    seed,
    silenceMs: SILENCE_MS,
    progress,
  })
  const { requests, upstreamCalls, ends, before, after, slopeMib } = findings
  say(
    `\nrequests      ${requests}, ${findings.perSecond.toFixed(0)} per second, ${(upstreamCalls / requests).toFixed(2)} upstream calls each`,
  )
  say(
    `ends          ${ends.served} served, ${ends.told} told of a failure, ${ends.broken} broken and said so, ${ends.left} left, ${ends.unexplained} unexplained`,
  )
  say(`before        ${describe(before)}`)
  say(`after         ${describe(after)}`)
  say(
    `memory        ${before.rss_mib} -> ${after.rss_mib} MiB, slope ${slopeMib === null ? 'not measured' : `${slopeMib.whole.toFixed(2)} MiB per 3 min after the warm-up, of the heap in use ${slopeMib.heap.toFixed(2)}`}`,
  )
  const { middleP99Ms, mostMs } = findings.loopDelay
  say(`event loop    delay p99 ${middleP99Ms} ms in the middle second, ${mostMs} ms at most`)
  say(`/health       ${findings.slowestHealthMs.toFixed(0)} ms at most, as seen by a busy client`)
  say(`own rules     ${after.checks} checks, ${after.violations} broken, exit code ${findings.exitCode}`)
  for (const trouble of findings.troubles) say(`  ${trouble}`)
  const wrong = faultsOf(findings)
  for (const fault of wrong) say(`FAILED        ${fault}`)
  return wrong.length === 0
}

const SILENCE_MS = 8_000
/** MiB per three minutes. */
const MOST_SLOPE_MIB = 1
/** A shorter run ends before the heap has found its size. */
const LEAST_REQUESTS_FOR_SLOPE = 60_000

/** What is not as it should be; empty when all is well. */
export function faultsOf(findings: SoakFindings): string[] {
  const { requests, ends, before, after, slopeMib, exitCode } = findings
  const left = after.open + after.calls + after.slots + after.waiting + after.watched
  return [
    ...(ends.unexplained > 0 ? [`${ends.unexplained} answers that nothing explains`] : []),
    ...(left > 0 ? [`left behind: ${describe(after)}`] : []),
    ...(after.sockets > before.sockets ? [`${after.sockets - before.sockets} sockets more than before`] : []),
    ...(after.timers > before.timers ? [`${after.timers - before.timers} timers more than before`] : []),
    ...(after.violations > 0 ? [`${after.violations} of the relay's own rules broken`] : []),
    ...(exitCode === 0 ? [] : [`exit code ${exitCode}`]),
    ...(requests >= LEAST_REQUESTS_FOR_SLOPE && slopeMib !== null && slopeMib.whole > MOST_SLOPE_MIB
      ? [`memory grows by ${slopeMib.whole.toFixed(2)} MiB per 3 min`]
      : []),
  ]
}

function describe({ open, slots, calls, waiting, watched, timers, sockets }: SoakFindings['after']): string {
  return `${open} answers, ${slots} leases, ${calls} upstream calls, ${waiting} waiting, ${watched} watched, ${timers} timers, ${sockets} sockets`
}
