/**
 * What a proxy costs that does nothing else: `node:http` in front, undici's `dispatch` behind, all headers and bytes as they
 * come. No relay in Node gets below it. Called with its own port and the upstream's.
 */
import { createServer } from 'node:http'
import { Pool } from 'undici'

const [port, upstreamPort] = process.argv.slice(2).map(Number)
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 8_192, pipelining: 1 })
const PER_CONNECTION = ['connection', 'transfer-encoding', 'keep-alive']
const OF_REQUEST = new Set([...PER_CONNECTION, 'host', 'content-length'])
const OF_ANSWER = new Set(PER_CONNECTION)

createServer((incoming, outgoing) => {
  const chunks = []
  incoming.on('data', (chunk) => chunks.push(chunk))
  incoming.on('end', () => {
    const request = {
      path: incoming.url,
      method: incoming.method,
      headers: without(OF_REQUEST, incoming.rawHeaders),
      body: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks),
      headersTimeout: 0,
      bodyTimeout: 0,
    }
    pool.dispatch(request, {
      onConnect() {},
      onHeaders(status, rawHeaders, resume) {
        outgoing.on('drain', resume)
        const raw = rawHeaders.map((part) => part.toString('latin1'))
        outgoing.writeHead(status, without(OF_ANSWER, raw))
        return true
      },
      onData: (chunk) => outgoing.write(chunk),
      onComplete: () => outgoing.end(),
      onError: () => outgoing.destroy(),
    })
  })
}).listen(port, '127.0.0.1')

function without(names, raw) {
  const kept = []
  for (let at = 0; at < raw.length; at += 2) {
    if (!names.has(raw[at].toLowerCase())) kept.push(raw[at], raw[at + 1])
  }
  return kept
}
