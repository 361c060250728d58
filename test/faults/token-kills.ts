/**
 * The kill test: a process that refreshes a rotating token is killed, at every named step of the write and at random,
 * and after each kill the config must parse and hold the token that the provider expects next.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import type { WriteStep } from '../../src/config/durable-file.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createCredentialStore, recoverConfig } from '../../src/config/store.ts'
import { createSystemClock } from '../../src/core/clock.ts'
import { type FakeIdentityProvider, startIdentityProvider } from '../harness/identity-provider.ts'
import { type Ground, prepareGround } from './kill-grounds.ts'

export interface KillCounts {
  readonly ground: Ground
  kills: number
  /** Tokens that had been acknowledged as written and are gone. Must be zero. */
  lost: number
  /** Configs that do not parse. Must be zero. */
  unreadable: number
  /** Died after the provider's answer and before the new content was complete: nobody could have kept that one. */
  inTheWindow: number
  /** Files left in the folder besides the config and locks of the dead. Must be zero. */
  litter: number
  /** What the victim complained about, if anything. */
  troubles: string[]
}

const RENAME_STEPS: readonly WriteStep[] = [
  'answer-written',
  'started',
  'temp-created',
  'temp-part-written',
  'temp-written',
  'temp-synced',
  'renamed',
  'done',
]
const IN_PLACE_STEPS: readonly WriteStep[] = [
  'journal-written',
  'part-written-in-place',
  'written-in-place',
  'synced-in-place',
  'journal-removed',
]

/**
 * `writer` is the bundled victim. Half of the kills strike at a named step, half at a random moment. Null when the ground
 * cannot be had: a bind mount needs the right to mount.
 */
export async function runKills(ground: Ground, kills: number, writer: string): Promise<KillCounts | null> {
  const stage = prepareGround(ground)
  if (stage === null) return null
  const identity = await startIdentityProvider()
  const counts: KillCounts = { ground, kills: 0, lost: 0, unreadable: 0, inTheWindow: 0, litter: 0, troubles: [] }
  const steps = ground === 'bind mount' ? [...RENAME_STEPS.slice(0, 6), ...IN_PLACE_STEPS, 'done'] : RENAME_STEPS
  try {
    writeFileSync(stage.target, configText(identity.signIn('acc')), { mode: 0o600 })
    for (let kill = 0; kill < kills; kill++) {
      const deadlyStep = kill % 2 === 0 ? (steps[(kill / 2) % steps.length] as string) : 'never'
      const said = await killOne(writer, stage.path, identity.tokenUrl, deadlyStep)
      counts.kills++
      counts.troubles.push(...said.filter((line) => line.startsWith('trouble')))
      await examine(stage.path, said, identity, counts)
      counts.litter += stage.litter().length
    }
  } finally {
    await identity.close()
    stage.remove()
  }
  return counts
}

async function examine(
  path: string,
  said: readonly string[],
  identity: FakeIdentityProvider,
  counts: KillCounts,
): Promise<void> {
  const clock = createSystemClock()
  await recoverConfig(path, clock)
  const store = createCredentialStore({ path, tokenStore: 'config', configured: () => null, clock })
  const found = await loadConfig(path, {}).then(
    () => store.read('plus'),
    () => null,
  )
  if (found === null) {
    counts.unreadable++
    return
  }
  const { current, refreshTokens } = identity.familyOf('acc')
  const token = found.refreshToken?.reveal() ?? ''
  if (token === current) return
  // From the first step of the write on, the token is on disk.
  const wasAcknowledged = !['ready', 'kept', undefined].includes(said.at(-1))
  const isLastStep = token === refreshTokens.at(-2)
  if (isLastStep && !wasAcknowledged) counts.inTheWindow++
  else counts.lost++
  identity.forgive('acc', token)
}

/** Runs the victim until it is dead; returns the steps it reached. */
function killOne(writer: string, path: string, tokenUrl: string, deadlyStep: string): Promise<string[]> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [writer, path, tokenUrl, deadlyStep], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    let isArmed = false
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (isArmed || deadlyStep !== 'never') return
      isArmed = true
      setTimeout(() => child.kill('SIGKILL'), Math.random() * 60)
    })
    // A step that this ground never reaches kills nobody.
    const patience = setTimeout(() => child.kill('SIGKILL'), 10_000)
    child.on('close', () => {
      clearTimeout(patience)
      resolve(said.split('\n').filter((line) => line !== ''))
    })
  })
}

/** Long enough for a write to have a middle. */
function configText(refreshToken: string): string {
  const padding = Array.from(
    { length: 160 },
    (_, line) => `  // line ${line}: what its owner wrote here stays as it is`,
  )
  const account = { name: 'plus', platform: 'openai', type: 'oauth', refresh_token: refreshToken }
  return [
    '{ // a config with comments',
    ...padding,
    '  "auth_tokens": ["a-client-token-for-tests"],',
    `  "accounts": [${JSON.stringify(account, null, 2)}],`,
    ...padding,
    '}',
    '',
  ].join('\n')
}
