/**
 * Hosts of the internet, played on this machine: a proxy whose tunnels to them end at a TLS server that has their names,
 * behind which a fake stands. The program needs no seam for it: it is told to trust one more certificate, as behind the
 * proxy of a company.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { listen } from './listener.ts'

export interface NamedHosts {
  /** The proxy to name in a config. */
  readonly proxy: string
  /** What makes a program trust the hosts: `NODE_EXTRA_CA_CERTS`, which Node and Bun both read. */
  readonly env: Record<string, string>
}

/** `ports` are those of the fakes, by the name of the host each one plays. Other hosts are refused. */
export async function playHosts(ports: Readonly<Record<string, number>>): Promise<NamedHosts> {
  const { key, cert, certPath } = createCertificate(Object.keys(ports))
  const server = createServer()
  server.on('connect', ({ url = '' }: { url?: string }, client: Socket) => {
    const port = ports[url.replace(/:443$/, '')]
    if (port === undefined) return void client.end('HTTP/1.1 502 Unknown Host\r\n\r\n')
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const secure = new TLSSocket(client, { isServer: true, key, cert })
    const fake = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [secure, fake],
      [fake, secure],
    ] as const) {
      one.on('error', () => other.destroy())
      one.once('close', () => other.destroy())
      one.pipe(other)
    }
  })
  const listener = await listen((socket) => server.emit('connection', socket))
  onTestFinished(listener.close)
  return { proxy: `http://127.0.0.1:${listener.port}`, env: { NODE_EXTRA_CA_CERTS: certPath } }
}

/** A certificate that vouches for itself, good for a day. */
function createCertificate(names: readonly string[]): { key: Buffer; cert: Buffer; certPath: string } {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [keyPath, certPath] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  const subject = ['-subj', '/CN=a test', '-addext', `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`]
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', keyPath, '-out', certPath], {
    stdio: 'pipe',
  })
  return { key: readFileSync(keyPath), cert: readFileSync(certPath), certPath }
}
