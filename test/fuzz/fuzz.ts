/**
 * Feeds the targets with mutated input until time is up. The same seed finds the same faults in the same order, however
 * fast the machine is.
 */
import { createHash } from 'node:crypto'
import { createSeededRandom } from '../core/seeded-random.ts'
import { mutate } from './mutate.ts'
import { type FuzzTarget, TARGETS } from './targets.ts'

/** A fault, in the form in which it is kept as a fixture. */
export interface FuzzFinding {
  readonly target: string
  readonly seed: number
  readonly round: number
  readonly error: string
  readonly inputBase64: string
}

export interface FuzzRun {
  readonly rounds: number
  readonly findings: readonly FuzzFinding[]
}

/** One input that takes longer is a way to make the relay stand still. */
const LONGEST_MS = 2_000
const MOST_FINDINGS = 20
const PROGRESS_EVERY = 500

export async function fuzz(options: {
  readonly seconds: number
  readonly seed: number
  readonly progress: (line: string) => void
}): Promise<FuzzRun> {
  const { seconds, seed, progress } = options
  const random = createSeededRandom(seed)
  const findings = new Map<string, FuzzFinding>()
  const endsAt = performance.now() + seconds * 1_000
  let rounds = 0
  while (performance.now() < endsAt && findings.size < MOST_FINDINGS) {
    const target = TARGETS[rounds++ % TARGETS.length] as FuzzTarget
    const input = mutate(random.pick(target.corpus), random, target.corpus)
    const error = await tryInput(target, input)
    // One fault is met by many inputs.
    const key = `${target.name} ${error?.split('\n').slice(0, 2).join(' ').replaceAll(/\d+/g, 'n')}`
    if (error !== null && !findings.has(key)) {
      const inputBase64 = input.toString('base64')
      findings.set(key, { target: target.name, seed, round: rounds, error, inputBase64 })
    }
    if (rounds % PROGRESS_EVERY === 0) {
      const left = Math.max(0, Math.round((endsAt - performance.now()) / 1_000))
      progress(`${left} s left: ${rounds} inputs, ${findings.size} faults`)
    }
  }
  return { rounds, findings: [...findings.values()] }
}

/** What went wrong; null when nothing did. */
export async function tryInput(target: FuzzTarget, input: Buffer): Promise<string | null> {
  const startedAt = performance.now()
  try {
    await target.run(Buffer.from(input))
  } catch (error) {
    return String((error as Error)?.stack ?? error).slice(0, 2_000)
  }
  const tookMs = performance.now() - startedAt
  return tookMs > LONGEST_MS ? `it took ${Math.round(tookMs)} ms` : null
}

export function fileNameOf({ target, inputBase64 }: FuzzFinding): string {
  return `${target}-${createHash('sha256').update(inputBase64).digest('hex').slice(0, 8)}.json`
}
