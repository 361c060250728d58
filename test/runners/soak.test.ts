/**
 * The soak in its short form; `npm run soak` is the long one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bundleForNode } from '../harness/bundle.ts'
import { runSoak } from './soak.ts'
import { faultsOf } from './soak-command.ts'

test('under load, faults and leaving clients every byte has one origin, and nothing is left behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'soak-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const cli = await bundleForNode('src/cli.ts', folder)
  const findings = await runSoak({
    cli,
    seconds: 2,
    perSecond: 80,
    seed: 7,
    silenceMs: 3_000,
    progress: () => {},
  })
  expect(findings.troubles).toEqual([])
  expect(faultsOf(findings)).toEqual([])
  const { served, told, broken, left } = findings.ends
  expect(served + told + broken + left).toBe(findings.requests)
  expect(served).toBeGreaterThan(findings.requests / 2)
  // It would prove nothing if nothing had gone wrong, nobody had left, or nothing had been looked at.
  expect([broken > 0, left > 0, findings.after.checks > 1_000]).toEqual([true, true, true])
}, 60_000)
