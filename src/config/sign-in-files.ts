/**
 * Sign-ins in the two files that may hold them: the config, and token_state.json beside it. Everything here happens
 * under the write lock that `store.ts` holds.
 */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SignIn } from '../core/account.ts'
import type { SaveResult } from '../core/credential-store.ts'
import { type KeptAnswer, readAnswers } from './answer-file.ts'
import { type Checkpoint, recoverFile, replaceFile } from './durable-file.ts'
import type { JournalPlaces } from './journal.ts'
import { listAccounts, readSignIn, replaceSignIn, type WrittenSignIn } from './sign-in-text.ts'
import { parseSource, type Source } from './source.ts'
import { isEntryCurrent, readStateFile, seedOf, type StateFile } from './state-file.ts'

export interface SignInFiles {
  /** `waiting` are the answers that `recover` could not put into a file; they count as if they stood there. */
  read(name: string, waiting: readonly KeptAnswer[]): Promise<SignIn | null>
  /** As `CredentialStore.save`; rejects when the config cannot be read. */
  save(name: string, signIn: SignIn, replaces: Replaced, places: JournalPlaces): Promise<SaveResult>
  /** Ends what interrupted writes have begun. `target` is the config without links. Resolves to what has to wait. */
  recover(target: string, places: JournalPlaces): Promise<readonly KeptAnswer[]>
  /** Takes over a sign-in of the Go program, once. */
  importGoState(name: string, places: JournalPlaces): Promise<void>
}

/** What the disk must hold for a write to count: one of these refresh tokens (null is none); null for anything. */
export type Replaced = ReadonlyArray<string | null> | null

export interface FilesOptions {
  readonly path: string
  /** Asked at every write: another config may want another place. */
  readonly tokenStore: 'config' | 'state'
  /** Null before the config has been understood: then answers are left to wait for somebody who knows better. */
  readonly configured: ((name: string) => SignIn | null) | null
  readonly checkpoint?: Checkpoint
}

const LARGEST_CONFIG_BYTES = 2 * 1024 * 1024

export function statePathOf(configPath: string): string {
  return join(dirname(configPath), 'token_state.json')
}

export function createSignInFiles(options: FilesOptions): SignInFiles {
  const { path, configured, checkpoint } = options
  const statePath = statePathOf(path)

  /** A reference in the file is looked up in what the config gave at load. */
  const resolveWritten = (name: string, { isReference, signIn }: WrittenSignIn): SignIn =>
    isReference ? (configured?.(name) ?? signIn) : signIn

  async function read(name: string, waiting: readonly KeptAnswer[]): Promise<SignIn | null> {
    const { source } = await readSource(path)
    const written = readSignIn(source, name)
    if (written === null) return null
    const found = choose(resolveWritten(name, written), name, await readStateFile(statePath).catch(() => null))
    const answer = waiting.find((each) => each.name === name && each.replaces.includes(tokenOf(found)))
    if (answer === undefined) return found
    return { ...answer.signIn, accountId: answer.signIn.accountId ?? found.accountId }
  }

  async function save(name: string, signIn: SignIn, replaces: Replaced, places: JournalPlaces): Promise<SaveResult> {
    const { source, mark } = await readSource(path)
    const written = readSignIn(source, name)
    if (written === null) return { kind: 'removed' }
    const inConfig = resolveWritten(name, written)
    if (replaces !== null && written.isReference && tokenOf(inConfig) === null) {
      return { kind: 'failed', reason: 'the tokens that the config refers to cannot be found' }
    }
    const state = await readStateFile(statePath).catch((error: Error) => error)
    const current = choose(inConfig, name, state instanceof Error ? null : state)
    const present = tokenOf(current)
    // Somebody may have finished this very write for us.
    const isOurs = present === tokenOf(signIn)
    if (replaces !== null && !replaces.includes(present) && !isOurs) return { kind: 'overtaken', signIn: current }

    let complaint: string | null = null
    if (options.tokenStore === 'config') {
      const text = replaceSignIn(source, name, signIn)
      complaint =
        text === null
          ? 'the config only refers to the tokens of this account'
          : await replaceFile(path, Buffer.concat([mark, Buffer.from(text)]), places, checkpoint).then(
              () => null,
              (error: unknown) => `the config cannot be written (${codeOf(error)})`,
            )
      if (complaint === null) return { kind: 'kept', complaint }
    }
    const reasons = complaint === null ? '' : `${complaint}; `
    if (state instanceof Error) return { kind: 'failed', reason: `${reasons}${state.message}` }
    try {
      await replaceFile(statePath, state.withEntry(name, { signIn, seed: seedOf(inConfig) }), places, checkpoint)
      return { kind: 'kept', complaint }
    } catch (error) {
      return { kind: 'failed', reason: `${reasons}token_state.json cannot be written (${codeOf(error)})` }
    }
  }

  async function recover(target: string, places: JournalPlaces): Promise<readonly KeptAnswer[]> {
    for (const { before, after } of await recoverFile(path, places)) await mergeJournal(before, after, places)
    await recoverFile(statePath, places).catch(() => [])
    if (configured === null) return []
    const waiting: KeptAnswer[] = []
    for (const answer of await readAnswers(target, places)) {
      const result = await save(answer.name, answer.signIn, answer.replaces, places)
      if (result.kind === 'failed') waiting.push(answer)
      else await answer.remove()
    }
    return waiting
  }

  /** Tokens of a journal whose config was edited after the crash: the edit stays, the tokens are put into it. */
  async function mergeJournal(before: Buffer, after: Buffer, places: JournalPlaces): Promise<void> {
    const [old, fresh] = [parse(path, before).source, parse(path, after).source]
    for (const name of listAccounts(fresh)) {
      const token = tokenOf(readSignIn(old, name)?.signIn ?? null)
      const signIn = readSignIn(fresh, name)?.signIn ?? null
      if (signIn === null || tokenOf(signIn) === null || tokenOf(signIn) === token) continue
      await save(name, signIn, [token], places)
    }
  }

  return {
    read,
    save,
    recover,

    async importGoState(name, places) {
      const state = await readStateFile(statePath).catch(() => null)
      const entry = state?.entryOf(name) ?? null
      if (state === null || entry === null || entry.seed !== null) return
      const { source } = await readSource(path)
      const written = readSignIn(source, name)
      if (written === null || !isEntryCurrent(entry, resolveWritten(name, written))) return
      // From now on the entry belongs to the token that the config holds today, and to no later one.
      const seed = seedOf(resolveWritten(name, written))
      await replaceFile(statePath, state.withEntry(name, { ...entry, seed }), places, checkpoint).catch(() => {})
      if (options.tokenStore === 'config') await save(name, entry.signIn, null, places)
    },
  }
}

function choose(inConfig: SignIn, name: string, state: StateFile | null): SignIn {
  const entry = state?.entryOf(name) ?? null
  if (entry === null || !isEntryCurrent(entry, inConfig)) return inConfig
  const isOlder = tokenOf(entry.signIn) === tokenOf(inConfig) && entry.signIn.expiresAt < inConfig.expiresAt
  return isOlder ? inConfig : { ...entry.signIn, accountId: entry.signIn.accountId ?? inConfig.accountId }
}

function tokenOf(signIn: SignIn | null): string | null {
  return signIn?.refreshToken?.reveal() ?? null
}

async function readSource(path: string): Promise<{ source: Source; mark: Buffer }> {
  const bytes = await readFile(path)
  if (bytes.length > LARGEST_CONFIG_BYTES) throw Object.assign(new Error('too large'), { code: 'TOO_LARGE' })
  return parse(path, bytes)
}

/** `mark` is the byte order mark in front of the text, which stays there. */
function parse(path: string, bytes: Buffer): { source: Source; mark: Buffer } {
  const markLength = bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(markLength))
  return { source: parseSource(path, text), mark: bytes.subarray(0, markLength) }
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException)?.code ?? (error as Error)?.name ?? 'unknown'
}
