/**
 * What vendors have refused to read in a request, so that it is left out the next time. Until a restart: what a vendor
 * takes changes, and a list that outlives its reason is a mistake nobody finds.
 */
import type { Account } from '../core/account.ts'
import type { UpstreamError } from '../protocols/contract.ts'
import { providerOf } from '../providers/index.ts'

export interface RefusedMembers {
  /** Members that accounts of this kind have refused for the model. */
  of(account: Account, model: string): ReadonlySet<string>
  /**
   * True when the refusal names a member that the request can be repeated without. `leftOut` is what `of` gave when the
   * request was made: another request may have been taught the same meanwhile.
   */
  learn(account: Account, model: string, refusal: UpstreamError, leftOut: ReadonlySet<string>): boolean
}

const MOST_MODELS = 256
/** A vendor that refuses more has another grievance. */
const MOST_MEMBERS = 16
const NONE: ReadonlySet<string> = new Set()

/** `warn` is called once for each member. */
export function createRefusedMembers(warn: (event: string, facts: Record<string, unknown>) => void): RefusedMembers {
  const refused = new Map<string, ReadonlySet<string>>()
  const of = (account: Account, model: string): ReadonlySet<string> =>
    refused.size === 0 ? NONE : (refused.get(keyOf(account, model)) ?? NONE)
  return {
    of,
    learn(account, model, refusal, leftOut) {
      const member = providerOf(account).refusedMember?.(refusal) ?? null
      if (member === null || leftOut.has(member)) return false
      const known = of(account, model)
      if (known.has(member)) return true
      if (known.size >= MOST_MEMBERS || (known === NONE && refused.size >= MOST_MODELS)) return false
      // A new set: requests under way compare with the one they began with.
      refused.set(keyOf(account, model), new Set([...known, member]))
      warn('member.refused', { account: account.name, model, member })
      return true
    },
  }
}

function keyOf({ platform, type }: Account, model: string): string {
  return `${platform} ${type} ${model}`
}
