/**
 * What an account presents to its vendor, or what its owner has to do before it can.
 */
import type { Account, Credential } from '../core/account.ts'
import { Secret } from '../core/secret.ts'
import { signInAdvice } from '../core/sign-in-advice.ts'
import type { AccountInput, SecretInput } from './schema.ts'
import type { SecretReader } from './secrets.ts'

export interface CredentialChoice {
  readonly credential: Credential
  /** Why the account cannot serve with it; null when it can. */
  readonly problem: string | null
}

/** What the Go program infers: any token of a sign-in makes it one. */
export function typeOfAccount(input: AccountInput): Account['type'] {
  if (input.type === 'oauth') return 'oauth'
  if (input.type !== undefined) return 'api_key'
  return (input.oauth_token ?? input.refresh_token ?? input.access_token) === undefined ? 'api_key' : 'oauth'
}

/** `isOwnServer` is true for a base_url that is not the vendor's: a local server may want no key at all. */
export async function chooseCredential(
  name: string,
  input: AccountInput,
  isOwnServer: boolean,
  readSecret: SecretReader,
): Promise<CredentialChoice> {
  const read = createFieldReader(input, readSecret)
  if (typeOfAccount(input) === 'api_key') {
    const key = await read('api_key')
    return {
      credential: { type: 'api_key', key: new Secret(key.text) },
      problem: key.problem ?? (key.text === '' && !isOwnServer ? MISSING_KEY : null),
    }
  }
  // A sign-in that can be renewed goes before a fixed token, as in the Go program.
  const isRenewable = input.platform === 'openai' && (input.refresh_token ?? input.access_token) !== undefined
  if (input.oauth_token !== undefined && !isRenewable) {
    const token = await read('oauth_token')
    const accountId = input.chatgpt_account_id
    const owner = accountId === undefined ? {} : { accountId }
    return { credential: { type: 'bearer', token: new Secret(token.text), ...owner }, problem: token.problem }
  }
  const refresh = await read('refresh_token')
  const access = await read('access_token')
  const problem = refresh.problem ?? access.problem ?? whatSignInLacks(name, input, refresh.text, access.text)
  return {
    credential: {
      type: 'oauth',
      refreshToken: refresh.text === '' ? null : new Secret(refresh.text),
      accessToken: access.text === '' ? null : new Secret(access.text),
      expiresAt: input.expires_at === undefined ? 0 : Date.parse(input.expires_at),
      accountId: input.chatgpt_account_id ?? null,
      ...(input.client_id === undefined ? {} : { clientId: input.client_id }),
    },
    problem,
  }
}

const MISSING_KEY = 'it has no api_key'

function whatSignInLacks(name: string, { platform }: AccountInput, refresh: string, access: string): string | null {
  if (platform === 'anthropic') return 'an anthropic account needs an oauth_token; a refresh_token alone cannot be used'
  if (platform !== 'openai') return `a ${platform} account needs an api_key; it has no sign-in`
  return refresh === '' && access === '' ? signInAdvice(name) : null
}

type CredentialField = 'api_key' | 'oauth_token' | 'refresh_token' | 'access_token'

/** Reads one field; an absent one is an empty text, one that cannot be found or sent is a problem. */
function createFieldReader(input: AccountInput, readSecret: SecretReader) {
  return async (field: CredentialField): Promise<{ text: string; problem: string | null }> => {
    const value: SecretInput | undefined = input[field]
    if (value === undefined) return { text: '', problem: null }
    const { text, missing } = await readSecret(value)
    if (missing !== undefined) return { text: '', problem: `${field}: ${missing}` }
    if (/^[\x20-\x7e]*$/.test(text)) return { text, problem: null }
    return { text: '', problem: `${field}: it holds characters that cannot be sent in a header` }
  }
}
