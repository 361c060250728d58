/**
 * Asks the relay that runs with a config, over HTTP, as any program on this machine could.
 */
import { request } from 'node:http'
import { urlOf, type RelayAddress } from '../config/access.ts'

export interface RelayAnswer {
  readonly status: number
  /** The body as JSON; null when it is none. */
  readonly body: unknown
}

/** Nobody listens there, or whoever does keeps silent. `code` is the system's, or `TIMEOUT`. */
export class Unreachable extends Error {
  readonly code: string

  constructor(url: string, code: string) {
    super(`${url} does not answer (${code})`)
    this.name = 'Unreachable'
    this.code = code
  }
}

const MOST_BYTES = 16 * 1024 * 1024

export interface RelayQuestion {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly token: string
  /** Sent as JSON. */
  readonly body?: object
  readonly timeoutMs?: number
}

const USUAL_TIMEOUT_MS = 5_000

/** Rejects with Unreachable. */
export function askRelay(
  { listen }: Pick<RelayAddress, 'listen'>,
  { method = 'GET', path, token, body, timeoutMs = USUAL_TIMEOUT_MS }: RelayQuestion,
): Promise<RelayAnswer> {
  const url = urlOf(listen)
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, url), {
      method,
      agent: false,
      headers: { authorization: `Bearer ${token}`, accept: 'application/json', 'content-type': 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
    })
    const fail = ({ code, name }: NodeJS.ErrnoException): void =>
      reject(new Unreachable(url, name === 'TimeoutError' || code === 'ABORT_ERR' ? 'TIMEOUT' : (code ?? name)))
    call.once('error', fail)
    call.once('response', (answer) => {
      const chunks: Buffer[] = []
      let size = 0
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size > MOST_BYTES) call.destroy()
      })
      answer.once('error', fail)
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: parse(Buffer.concat(chunks)) }))
    })
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}
