/**
 * Everything in a config that must not be seen in a log, an answer or a page.
 */
import type { RelayConfig } from '../config/config.ts'
import type { Account } from '../core/account.ts'
import type { Secret } from '../core/secret.ts'

/** The values in plain text, for a redactor. */
export function secretsOf({ tokens, adminToken, accounts }: RelayConfig): string[] {
  const proxies = accounts.flatMap(({ proxy }) => (proxy === null ? [] : [proxy.reveal(), ...passwordsOf(proxy)]))
  const secrets = [...tokens.map(({ token }) => token), ...accounts.flatMap(secretsOfAccount)]
  if (adminToken !== null) secrets.push(adminToken)
  return [...secrets.map((secret) => secret.reveal()), ...proxies]
}

function secretsOfAccount({ credential }: Account): Secret[] {
  switch (credential.type) {
    case 'api_key':
      return [credential.key]
    case 'bearer':
      return [credential.token]
    case 'oauth':
      return [credential.accessToken, credential.refreshToken].filter((secret) => secret !== null)
  }
}

/** A proxy's error may name the password without the address around it; as it is written, and as it is meant. */
function passwordsOf(proxy: Secret): string[] {
  const url = URL.canParse(proxy.reveal()) ? new URL(proxy.reveal()) : null
  if (url === null || url.password === '') return []
  return [url.password, decodePassword(url.password)]
}

function decodePassword(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
