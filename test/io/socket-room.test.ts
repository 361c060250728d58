/**
 * A flood of connections that say nothing: it turns itself out, and nobody who has something to say notices.
 */
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'
import { listen } from '../../src/io/serve.ts'
import { rawConnect, rawRequest } from '../harness/raw-client.ts'

const LIMIT = 64

async function start() {
  const held: Array<() => void> = []
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    clock: createSystemClock(),
    mostSockets: LIMIT,
    listener(incoming, outgoing) {
      const answer = (): void => void outgoing.end('here you are')
      if (incoming.url === '/hold') held.push(answer)
      else answer()
    },
  })
  onTestFinished(() => server.close())
  const flood = async (count: number, says = ''): Promise<Socket[]> => {
    const sockets = Array.from({ length: count }, () => connect({ port: server.port, host: '127.0.0.1' }))
    for (const socket of sockets) {
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {})
      socket.write(says)
    }
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    return sockets
  }
  return { port: server.port, held, flood }
}

test.each([
  ['nothing at all', ''],
  ['half a head', 'GET / HTTP/1.1\r\nhost: a\r\nx-slow: '],
])('three times as many sockets as there is room for, with %s on them, shut nobody out', async (_what, says) => {
  const { port, flood } = await start()
  const sockets = await flood(3 * LIMIT, says)
  for (let i = 0; i < 20; i++) expect((await rawRequest(port)).status).toBe(200)
  await expect.poll(() => sockets.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(LIMIT)
})

test('who is being served, and who was served on a connection that is still open, stays', async () => {
  const { port, held, flood } = await start()
  const waiting = rawRequest(port, { path: '/hold' })
  const kept = rawConnect(port)
  onTestFinished(() => kept.abort())
  expect((await kept.send({})).status).toBe(200)
  await expect.poll(() => held.length).toBe(1)
  await flood(3 * LIMIT)
  expect((await kept.send({})).status).toBe(200)
  held[0]?.()
  expect((await waiting).status).toBe(200)
})
