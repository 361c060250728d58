/**
 * A small forward proxy (CONNECT tunnels and absolute-form requests) that counts and can refuse or die, and a trap that
 * nobody may connect to.
 */
import { createServer, request as sendUpstream, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { encodeHead } from './header-list.ts'
import { listen } from './listener.ts'

export interface ConnectProxy {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  readonly port: number
  /** Everything it was asked, refused or not. */
  readonly requests: readonly ProxyRequest[]
  readonly connections: { readonly open: number; readonly total: number }
  /** Answers this status to everything from now on; null serves again. */
  refuse(status: 407 | 502 | null): void
  /** Ends all connections and stops listening: the proxy is dead. */
  readonly close: () => Promise<void>
}

export interface ProxyRequest {
  /** `CONNECT`, or the method of an absolute-form request. */
  readonly method: string
  /** `host:port` of a tunnel, else the absolute URL. */
  readonly target: string
  readonly rawHeaders: readonly string[]
}

export async function startConnectProxy(): Promise<ConnectProxy> {
  const requests: ProxyRequest[] = []
  let refusal: 407 | 502 | null = null

  const note = ({ method = '', url = '', rawHeaders }: IncomingMessage): void => {
    requests.push({ method, target: url, rawHeaders })
  }
  const server = createServer((request, response) => {
    note(request)
    if (refusal === null) forward(request, response)
    else response.writeHead(refusal, CHALLENGE).end()
  })
  server.on('connect', (request: IncomingMessage, client: Socket, rest: Buffer) => {
    note(request)
    if (refusal === null) tunnel(request.url ?? '', client, rest)
    else client.end(encodeHead(`HTTP/1.1 ${refusal} Refused`, [...Object.entries(CHALLENGE), ['content-length', '0']]))
  })
  const listener = await listen((socket) => server.emit('connection', socket))

  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    requests,
    connections: listener.connections,
    refuse(status) {
      refusal = status
    },
    close: listener.close,
  }
}

const CHALLENGE = { 'proxy-authenticate': 'Basic realm="proxy"' }

function forward(request: IncomingMessage, response: ServerResponse): void {
  const { method, headers } = request
  const upstream = sendUpstream(request.url ?? '', { method, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
    answer.once('error', () => response.destroy())
  })
  upstream.once('error', () => response.destroy())
  response.once('close', () => upstream.destroy())
  request.pipe(upstream)
}

function tunnel(target: string, client: Socket, rest: Buffer): void {
  const { hostname, port } = new URL(`http://${target}`)
  const upstream = connect({ port: Number(port || 80), host: hostname, noDelay: true })
  const refuse = (): void => void client.end(encodeHead('HTTP/1.1 502 Bad Gateway', [['content-length', '0']]))
  upstream.once('error', refuse)
  upstream.once('connect', () => {
    upstream.off('error', refuse).on('error', () => client.resetAndDestroy())
    client.on('error', () => upstream.resetAndDestroy())
    client.write(encodeHead('HTTP/1.1 200 Connection established', []))
    upstream.write(rest)
    client.pipe(upstream).pipe(client)
  })
  client.once('close', () => upstream.destroy())
}

export interface Trap {
  readonly url: string
  readonly port: number
  /** Throws when anyone has connected, with what they sent. */
  readonly assertSilent: () => void
  /** Stops listening, and rejects when anyone has connected: `onTestFinished(trap.close)` fails the test. */
  readonly close: () => Promise<void>
}

/** A port that must stay silent: the target of a redirect, the direct way past a proxy. */
export async function startTrap(): Promise<Trap> {
  const caught: Buffer[] = []
  const listener = await listen((socket) => {
    const position = caught.push(Buffer.alloc(0)) - 1
    socket.on('data', (bytes) => {
      caught[position] = Buffer.concat([caught[position] as Buffer, bytes])
    })
  })
  const assertSilent = (): void => {
    if (caught.length === 0) return
    throw new Error(`${caught.length} connected to a port that must stay silent, the first with ${String(caught[0])}`)
  }
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    assertSilent,
    async close() {
      await listener.close()
      assertSilent()
    },
  }
}
