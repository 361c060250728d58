/**
 * What can become of a login.
 */

export type LoginResult =
  | {
      readonly kind: 'signed_in'
      readonly account: string
      readonly plan: string | null
      readonly complaint: string | null
    }
  /** Nobody that we sent: wrong, used or outdated state, or no code. The pending login stays. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The vendor or the disk did not take it; the login has to be started again. */
  | { readonly kind: 'failed'; readonly account: string; readonly message: string }
