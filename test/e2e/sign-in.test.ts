/**
 * The address that the relay prints at its start for an account without a sign-in: opened from where its reader sits, it
 * leads to the vendor; opened by anybody else, it leads nowhere.
 */
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { writeConfig } from '../config/load-text.ts'
import { useProgram } from '../harness/program.ts'
import { rawRequest } from '../harness/raw-client.ts'

const { run } = useProgram()

/** The login address that a relay with this `listen_addr` prints. */
async function startRelay(listenAddress: string): Promise<URL> {
  const path = writeConfig({
    listen_addr: listenAddress,
    auth_tokens: ['a-client-token-for-tests'],
    accounts: [{ name: 'my plus', platform: 'openai', type: 'oauth' }],
  })
  const { printed, until } = run(['-config', path])
  const [, url = ''] = await until(/or open (\S+)\n/)
  expect(printed.stderr).toContain("sign in with: sub2api-simple login 'my plus'")
  return new URL(url)
}

async function open(url: URL, host = url.hostname): Promise<{ status: number; leadsTo: string | null }> {
  const answer = await fetch(`http://${host}:${url.port}${url.pathname}${url.search}`, { redirect: 'manual' })
  await answer.arrayBuffer()
  return { status: answer.status, leadsTo: answer.headers.get('location')?.split('?')[0] ?? null }
}

/** Another relay on this machine may hold both callback ports at this moment; then the page says what to do. */
function expectSignIn({ status, leadsTo }: Awaited<ReturnType<typeof open>>): void {
  if (status === 503) return
  expect([status, leadsTo]).toEqual([302, 'https://auth.openai.com/oauth/authorize'])
}

const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

describe('the printed login address', () => {
  test.each(['127.0.0.1:0', 'localhost:0', '[::1]:0', '0.0.0.0:0', ':0'])(
    'works with listen_addr %s',
    async (address) => {
      expectSignIn(await open(await startRelay(address)))
    },
  )

  test.skipIf(elsewhere === undefined)(
    'works from another machine, as through the port of a container, once',
    async () => {
      const url = await startRelay('0.0.0.0:0')
      const withoutTicket = new URL(url)
      withoutTicket.searchParams.delete('ticket')
      expect(await open(withoutTicket, elsewhere)).toEqual({ status: 421, leadsTo: null })
      expectSignIn(await open(url, elsewhere))
      expect(await open(url, elsewhere)).toEqual({ status: 421, leadsTo: null })
    },
  )

  test('does not work under a name that somebody has let point here', async () => {
    const url = await startRelay('127.0.0.1:0')
    for (const host of [
      'evil.example',
      `evil.example:${url.port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example',
    ]) {
      const { status } = await rawRequest(Number(url.port), { path: url.pathname + url.search, headers: { host } })
      expect(status).toBe(421)
    }
  })
})
