/**
 * OpenAI's sign-in: the authorize URL with PKCE, the exchange of a code, and the refresh. The requests are those of
 * openid-client; what comes back is kept by our caller before the library may judge it, because its judgement would
 * throw a good token away over a clock that is wrong or a field that is null.
 */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  Configuration,
  customFetch,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
} from 'openid-client'
import type { Clock } from '../core/clock.ts'
import type { Secret } from '../core/secret.ts'
import { userAgent } from '../core/version.ts'
import type { UpstreamClient } from '../io/upstream.ts'
import { type EndpointReply, readEndpointReply, type TokenAnswer } from './token-answer.ts'

/** The identity provider. Constants of the vendor; only tests have others. */
export interface IdentityProvider {
  readonly issuer: string
  readonly authorizeUrl: string
  readonly tokenUrl: string
}

export const OPENAI: IdentityProvider = {
  issuer: 'https://auth.openai.com',
  authorizeUrl: 'https://auth.openai.com/oauth/authorize',
  tokenUrl: 'https://auth.openai.com/oauth/token',
}

/** The public client of the Codex CLI, for which the callback on port 1455 is registered; `client_id` overrides it. */
const USUAL_CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann'
const LOGIN_SCOPE = 'openid profile email offline_access'
const REFRESH_SCOPE = 'openid profile email'

/** Who asks, and which way the request goes. */
export interface SignInRoute {
  /** Absent for the usual one. */
  readonly clientId?: string
  /** The account's proxy; with one, nothing goes out directly. */
  readonly proxy: Secret | null
}

/** What has to be remembered between sending somebody to the vendor and their return. */
export interface LoginRequest {
  readonly url: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Puts the tokens on disk. What it throws is not an answer of the endpoint and reaches the caller. */
export type KeepTokens = (answer: TokenAnswer) => Promise<void>

/** `judgement` is the library's objection to an answer that was kept all the same; null when it has none. */
export type GrantResult = EndpointReply & { readonly judgement: string | null }

export interface SignInClient {
  prepareLogin(route: SignInRoute, redirectUri: string): Promise<LoginRequest>
  /** `callbackUrl` carries code and state; the redirect URI is its beginning. Never rejects but for what `keep` throws. */
  exchangeCode(route: SignInRoute, callbackUrl: URL, login: LoginRequest, keep: KeepTokens): Promise<GrantResult>
  /** Resolves when the new tokens are kept. Never rejects but for what `keep` throws. */
  refresh(route: SignInRoute, refreshToken: Secret, keep: KeepTokens): Promise<GrantResult>
}

const ANSWER_TIMEOUT_MS = 60_000
const LARGEST_ANSWER_BYTES = 1024 * 1024

export function createSignInClient(options: {
  readonly provider: IdentityProvider
  readonly client: UpstreamClient
  readonly clock: Clock
}): SignInClient {
  const { provider, clock } = options

  function configure(route: SignInRoute): Configuration {
    const server = {
      issuer: provider.issuer,
      authorization_endpoint: provider.authorizeUrl,
      token_endpoint: provider.tokenUrl,
    }
    const configuration = new Configuration(server, route.clientId ?? USUAL_CLIENT_ID, undefined, None())
    // Its own timeout runs on a clock of its own; ours is in `post`. No timer beyond a day.
    configuration.timeout = 86_400
    if (provider.tokenUrl.startsWith('http://127.0.0.1:')) allowInsecureRequests(configuration)
    return configuration
  }

  /** Runs one grant of the library and looks over its shoulder at the raw answer. */
  async function grant(
    route: SignInRoute,
    keep: KeepTokens,
    run: (configuration: Configuration) => Promise<unknown>,
  ): Promise<GrantResult> {
    const configuration = configure(route)
    let heard: EndpointReply = { kind: 'failed', message: 'the token endpoint was not asked' }
    let keeping: { readonly error: unknown } | null = null
    configuration[customFetch] = async (_url, { body }) => {
      // Every grant is a form; the library types what other requests may carry, too.
      const raw = await post((body as URLSearchParams).toString(), route.proxy)
      if (typeof raw === 'string') {
        heard = { kind: 'failed', message: raw }
        throw new Error(raw)
      }
      heard = readEndpointReply(raw.status, raw.body, clock.now())
      try {
        if (heard.kind === 'granted') await keep(heard.answer)
      } catch (error) {
        keeping = { error }
        throw error
      }
      return new Response(new Uint8Array(raw.body), {
        status: raw.status,
        headers: { 'content-type': 'application/json' },
      })
    }
    const judgement = await run(configuration).then(() => null, describeObjection)
    if (keeping !== null) throw (keeping as { error: unknown }).error
    return { ...(heard as EndpointReply), judgement }
  }

  /** A string says why there is no answer. */
  function post(form: string, proxy: Secret | null): Promise<{ status: number; body: Buffer } | string> {
    const url = new URL(provider.tokenUrl)
    return new Promise((resolve) => {
      const chunks: Buffer[] = []
      let size = 0
      let answerStatus = 0
      const end = (result: { status: number; body: Buffer } | string): void => {
        deadline.cancel()
        resolve(result)
      }
      const endEarly = (why: string): void => {
        const body = Buffer.concat(chunks)
        // The token in it is the only one that works, whatever became of the connection behind it.
        end(isWhole(body) ? { status: answerStatus, body } : why)
      }
      const deadline = clock.timer(ANSWER_TIMEOUT_MS, () => {
        exchange.abort()
        endEarly(`the token endpoint gave no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)
      })
      const exchange = options.client.send(
        {
          method: 'POST',
          origin: url.origin,
          path: url.pathname,
          headers: [
            ['content-type', 'application/x-www-form-urlencoded'],
            ['accept', 'application/json'],
            ['accept-encoding', 'identity'],
            ['user-agent', userAgent],
          ],
          body: Buffer.from(form),
          proxy,
        },
        {
          onHead(status) {
            answerStatus = status
          },
          onData(chunk) {
            size += chunk.length
            if (size <= LARGEST_ANSWER_BYTES) chunks.push(chunk)
            return true
          },
          onEnd: () => end({ status: answerStatus, body: Buffer.concat(chunks) }),
          onFailure: ({ code }) => endEarly(`the token endpoint could not be reached (${code})`),
        },
      )
    })
  }

  return {
    async prepareLogin(route, redirectUri) {
      const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()]
      const url = buildAuthorizationUrl(configure(route), {
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: LOGIN_SCOPE,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        id_token_add_organizations: 'true',
        codex_cli_simplified_flow: 'true',
      })
      return { url: url.href, state, nonce, verifier }
    },

    exchangeCode: (route, callbackUrl, { state, nonce, verifier }, keep) =>
      grant(route, keep, (configuration) =>
        authorizationCodeGrant(configuration, callbackUrl, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
        }),
      ),

    refresh: (route, refreshToken, keep) =>
      grant(route, keep, (configuration) =>
        refreshTokenGrant(configuration, refreshToken.reveal(), { scope: REFRESH_SCOPE }),
      ),
  }
}

function isWhole(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('utf8'))
    return true
  } catch {
    return false
  }
}

/** The code of the library's error; its text may quote the answer. */
function describeObjection(error: unknown): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : 'UNKNOWN'
}
