/**
 * Chaos: a relay whose accounts rotate their refresh tokens every second or two is killed in the middle of its work and
 * started again, many times. After each kill the config must parse, and hold for every account the token that the
 * provider expects next.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { loadConfig } from '../../src/config/load.ts'
import { createCredentialStore, recoverConfig } from '../../src/config/store.ts'
import { createSystemClock } from '../../src/core/clock.ts'
import { createSeededRandom, type SeededRandom } from '../core/seeded-random.ts'
import { type Ground, type KillGround, prepareGround } from '../faults/kill-grounds.ts'
import { chatgpt } from '../harness/chatgpt.ts'
import { createDeferred } from '../harness/deferred.ts'
import { type FakeIdentityProvider, startIdentityProvider } from '../harness/identity-provider.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'
import { TOKEN } from './program.ts'

export interface ChaosOptions {
  /** The bundled chaos-child.ts. */
  readonly child: string
  readonly ground: Ground
  readonly seconds: number
  readonly seed: number
  readonly progress: (line: string) => void
}

export interface ChaosCounts {
  kills: number
  /** Tokens that the provider rotated. */
  rotations: number
  served: number
  /** Answers other than 200. Allowed: a provider in trouble is part of it. */
  refused: number
  /** Accounts whose token on disk is worth nothing although the relay had the newer one. Must be zero. */
  lost: number
  /** Configs that do not parse, or that lost a comment. Must be zero. */
  unreadable: number
  /** Killed between the provider's answer and the end of the write: nobody could have kept that one. */
  inTheWindow: number
  /** Lives in which requests were sent and none was served. Must be zero. */
  idleLives: number
  /** Files left beside the config. Must be zero. */
  litter: number
  /** Rules of its own that the relay broke, and what it did not end well. Must be empty. */
  troubles: string[]
}

const ACCOUNTS = ['one', 'two', 'three', 'four', 'five']
/** A token serves until two seconds before its end, so that there is a refresh per account and second. */
const LIFE_SECONDS = 3
const SHORTEST_LIFE_MS = 10
const LONGEST_LIFE_MS = 2_500
/** A life this long has time to serve somebody, on a busy machine as well. */
const LONG_ENOUGH_MS = 2_000
const REQUEST_EVERY_MS = 40
const TROUBLE_SHARE = 0.01
const START_PATIENCE_MS = 20_000
const COMMENTS = Array.from({ length: 120 }, (_, line) => `  // line ${line}: what its owner wrote here stays as it is`)

/** Null when the ground cannot be had. */
export async function runChaos(options: ChaosOptions): Promise<ChaosCounts | null> {
  const ground = prepareGround(options.ground)
  if (ground === null) return null
  const identity = await startIdentityProvider({ lifeSeconds: LIFE_SECONDS })
  const vendor = await startVendor()
  vendor.always(chatgpt('hello'))
  const random = createSeededRandom(options.seed)
  const counts: ChaosCounts = {
    kills: 0,
    rotations: 0,
    served: 0,
    refused: 0,
    lost: 0,
    unreadable: 0,
    inTheWindow: 0,
    idleLives: 0,
    litter: 0,
    troubles: [],
  }
  try {
    writeFileSync(ground.target, configText(identity, vendor), { mode: 0o600 })
    const endsAt = performance.now() + options.seconds * 1_000
    while (performance.now() < endsAt) {
      await live(options.child, ground.path, identity, counts, random, 'killed')
      await examine(ground, identity, vendor, counts)
      vendor.forget()
      const { kills, lost, unreadable, rotations } = counts
      const left = Math.max(0, Math.round((endsAt - performance.now()) / 1_000))
      options.progress(
        `${options.ground}, ${left} s left: ${kills} kills, ${rotations} rotations, ${lost} lost, ${unreadable} unreadable`,
      )
    }
    await live(options.child, ground.path, identity, counts, random, 'asked')
    await examine(ground, identity, vendor, counts)
    counts.litter = ground.litter().length
  } finally {
    await identity.close()
    await vendor.close()
    ground.remove()
  }
  return counts
}

/** One life of the relay, under load from its first moment to its end. */
async function live(
  bundle: string,
  path: string,
  identity: FakeIdentityProvider,
  counts: ChaosCounts,
  random: SeededRandom,
  ending: 'killed' | 'asked',
): Promise<void> {
  const env = { PATH: process.env['PATH'], SUB2API_ASSERT: '1' }
  const child = spawn(process.execPath, [bundle, path, identity.issuer], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const force = setTimeout(() => child.kill('SIGKILL'), START_PATIENCE_MS + LONGEST_LIFE_MS)
  try {
    const port = await untilListening(child, counts)
    const lifeMs = SHORTEST_LIFE_MS + random.whole(LONGEST_LIFE_MS - SHORTEST_LIFE_MS)
    const servedBefore = counts.served
    const endsAt = performance.now() + lifeMs
    while (performance.now() < endsAt) {
      // At most one of them: it stands for the next refresh, whoever needs one.
      if (random.whole(1_000) < TROUBLE_SHARE * 1_000) identity.script(trouble(random))
      void ask(port, random, counts)
      await new Promise((resolve) => setTimeout(resolve, REQUEST_EVERY_MS))
    }
    if (lifeMs >= LONG_ENOUGH_MS && counts.served === servedBefore) counts.idleLives++
    if (ending === 'killed') counts.kills++
    child.kill(ending === 'killed' ? 'SIGKILL' : 'SIGTERM')
    const code = await ended
    if (ending === 'asked' && code !== 0) counts.troubles.push(`it ended with ${code}`)
  } finally {
    clearTimeout(force)
    child.kill('SIGKILL')
    await ended
  }
}

async function untilListening(child: ChildProcess, counts: ChaosCounts): Promise<number> {
  const port = createDeferred<number>()
  let said = ''
  child.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString()
    const [, found] = /listening on 127\.0\.0\.1:(\d+)/.exec(said) ?? []
    if (found !== undefined) port.resolve(Number(found))
  })
  child.stdout?.on('data', (bytes: Buffer) => {
    const lines = bytes.toString().split('\n')
    counts.troubles.push(...lines.filter((line) => /assert\.violated|login\.needed|crashed/.test(line)))
  })
  child.once('close', (code) => port.reject(new Error(`the relay ended with ${code} before it listened: ${said}`)))
  return port.promise
}

async function ask(port: number, random: SeededRandom, counts: ChaosCounts): Promise<void> {
  const body = { model: 'gpt-5.5', stream: random.whole(2) === 0, input: 'hello' }
  const { status, ended } = await rawRequest(port, {
    path: '/v1/responses',
    headers: { authorization: `Bearer ${TOKEN}` },
    body,
  })
  if (status === 200 && ended === 'clean') counts.served++
  else counts.refused++
}

/** What a provider does on a bad day without losing a token. */
function trouble(random: SeededRandom): Parameters<FakeIdentityProvider['script']>[0] {
  return random.pick([
    { kind: 'refuse', status: 503, body: 'try later' },
    { kind: 'change', fields: { token_type: undefined, scope: null } },
    { kind: 'hold', until: new Promise((resolve) => void setTimeout(resolve, random.whole(300))) },
    { kind: 'cut' },
  ])
}

async function examine(
  ground: KillGround,
  identity: FakeIdentityProvider,
  vendor: Vendor,
  counts: ChaosCounts,
): Promise<void> {
  const clock = createSystemClock()
  await recoverConfig(ground.path, clock)
  const text = readFileSync(ground.path, 'utf8')
  const isReadable = await loadConfig(ground.path, {}).then(
    () => COMMENTS.every((comment) => text.includes(comment)),
    () => false,
  )
  if (!isReadable) {
    counts.unreadable++
    return
  }
  const store = createCredentialStore({ path: ground.path, tokenStore: 'config', configured: () => null, clock })
  const used = new Set(vendor.requests.map(({ key }) => key))
  counts.rotations = 0
  for (const name of ACCOUNTS) {
    const family = identity.familyOf(name)
    counts.rotations += identity.requests.filter(({ form }) => isOf(form, name)).length
    const token = (await store.read(name))?.refreshToken?.reveal() ?? ''
    if (token === family.current) continue
    // What was used had to be on disk before.
    const wasUsed = used.has(family.accessTokens.at(-1) ?? '')
    if (token === family.refreshTokens.at(-2) && !wasUsed) counts.inTheWindow++
    else counts.lost++
    identity.forgive(name, token)
  }
}

function isOf(form: URLSearchParams, name: string): boolean {
  return form.get('refresh_token')?.includes(`-${name}-`) ?? false
}

function configText(identity: FakeIdentityProvider, vendor: Vendor): string {
  const accounts = ACCOUNTS.map((name) => ({
    name,
    platform: 'openai',
    type: 'oauth',
    base_url: vendor.url,
    refresh_token: identity.signIn(name),
    concurrency: 50,
  }))
  return [
    '{ // a config with comments',
    ...COMMENTS,
    '  "listen_addr": "127.0.0.1:0",',
    '  "log": { "format": "json" },',
    `  "auth_tokens": [${JSON.stringify(TOKEN)}],`,
    `  "accounts": ${JSON.stringify(accounts, null, 2)},`,
    '}',
    '',
  ].join('\n')
}
