/**
 * Why an account was passed over, in words for its owner.
 */
import { type Exclusion, fullWindowOf } from './select.ts'

/** `wallNow` is epoch ms; when it ends is told apart. */
export function reasonOf({ state, reason, cooldown }: Exclusion, model: string, wallNow: number): string {
  const { account, problem } = state
  switch (reason) {
    case 'disabled':
      return 'the config has it switched off'
    case 'paused':
      return 'it was paused by hand'
    case 'not_allowed':
      return 'the token may not use it'
    case 'needs_attention':
      return problem ?? 'only its owner can mend it'
    case 'model_not_served':
      return `it does not serve "${model}"`
    case 'other_protocol':
      return 'it speaks another protocol, into which this request cannot be translated'
    case 'tried':
      return 'it has been asked already'
    case 'cooling':
      return `${cooldown?.reason ?? 'cooling'}: ${cooldown?.message ?? ''}`
    case 'probing':
      return 'one request is finding out whether it serves again'
    case 'quota_gate': {
      const full = fullWindowOf(state, false, wallNow)
      return `its ${full?.name} window is used to ${Math.round(full?.usedPercent ?? 100)} %, above what the config lets it take`
    }
    case 'rpm':
      return `it has had its ${account.rpm} requests of the last minute`
    case 'full':
      return `all of its ${account.concurrency} slots are taken`
  }
}
