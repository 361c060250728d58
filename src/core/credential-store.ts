/**
 * What those who obtain tokens ask of the place where tokens are kept.
 */
import type { SignIn } from './account.ts'

/**
 * - `kept`: on disk, in the config or in token_state.json; `complaint` says why not in the config although it should be
 * - `overtaken`: somebody has put another token there since; theirs counts
 * - `removed`: there is no such account any more
 * - `failed`: nothing was written; the old content is intact
 */
export type SaveResult =
  | { readonly kind: 'kept'; readonly complaint: string | null }
  | { readonly kind: 'overtaken'; readonly signIn: SignIn }
  | { readonly kind: 'removed' }
  | { readonly kind: 'failed'; readonly reason: string }

export interface CredentialStore {
  /** The sign-in on disk, or null when the account is no longer in the config. Rejects when the files cannot be read. */
  read(name: string): Promise<SignIn | null>
  /**
   * Writes a sign-in if the refresh token on disk still is that of `replaces`; null replaces whatever is there, as a
   * login does. Resolves when it is on disk (fsync). Never rejects.
   */
  save(name: string, signIn: SignIn, replaces: { readonly token: string | null } | null): Promise<SaveResult>
  /** The right to refresh an account, among all processes of this machine; null when another one holds on to it. */
  lock(name: string): Promise<(() => void) | null>
  /** Changes whenever the files behind the store do. */
  fingerprint(): Promise<string>
  /** Ends interrupted writes and takes over what the Go program left. To be called before the first read. */
  recover(names: readonly string[]): Promise<void>
  /** Why a write would fail; null when it would not. */
  whyReadOnly(): Promise<string | null>
}
