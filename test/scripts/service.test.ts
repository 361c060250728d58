/**
 * The files by which others start the relay: each of them starts it in a way that the program understands, waits long
 * enough for it to end, and gives it no more than it needs.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { runCommandLine } from '../../src/cli/command-line.ts'

const unit = read('sub2api-simple.service')
const plist = read('sub2api-simple.plist')
const dockerfile = read('Dockerfile')
const { services } = parse(read('compose.yaml')) as { services: { relay: Record<string, unknown> } }

/** What the program makes of these arguments: the config that it would serve. */
async function configOf(parameters: readonly string[]): Promise<string> {
  const served: string[] = []
  const verbs = { serve: async ({ configPath }: { configPath: string }) => void served.push(configPath) }
  expect(await runCommandLine(parameters, verbs as never, { print: () => {}, complain: () => {} })).toBe(0)
  return served.join()
}

describe('the program is started with the config of the folder that it may write to, by', () => {
  test('systemd', async () => {
    const [, ...parameters] = setting('ExecStart').split(' ')
    expect(await configOf(parameters)).toBe(`/var/lib/${setting('StateDirectory')}/config.json`)
  })

  test('launchd', async () => {
    const [, list = ''] = /<key>ProgramArguments<\/key>\s*<array>([^]*?)<\/array>/.exec(plist) ?? []
    const [, ...parameters] = [...list.matchAll(/<string>(.*?)<\/string>/g)].map(([, text = '']) => text)
    expect(await configOf(parameters)).toBe('/usr/local/etc/sub2api-simple/config.json')
  })

  test('Docker', async () => {
    const [, parameters = ''] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? []
    const [, volume = ''] = /^VOLUME (.*)$/m.exec(dockerfile) ?? []
    expect(await configOf(JSON.parse(parameters) as string[])).toBe(`${volume}/config.json`)
    expect(services.relay['volumes']).toEqual([`./data:${volume}`])
  })
})

test('all of them wait for running answers (30 s) and for a sign-in that is being renewed (60 s)', () => {
  const [, exitTimeOut] = /<key>ExitTimeOut<\/key>\s*<integer>(\d+)</.exec(plist) ?? []
  const waits = [setting('TimeoutStopSec'), exitTimeOut, String(services.relay['stop_grace_period']).replace(/s$/, '')]
  for (const seconds of waits) expect(Number(seconds)).toBeGreaterThan(90)
})

test('the container has no root, no rights, and one folder to write to', () => {
  expect(dockerfile).toMatch(/^USER node$/m)
  expect(services.relay).toMatchObject({ read_only: true, cap_drop: ['ALL'], ports: ['127.0.0.1:8080:8080'] })
})

test('the service has no rights, and one folder to write to', () => {
  expect(setting('CapabilityBoundingSet')).toBe('')
  expect([setting('DynamicUser'), setting('ProtectSystem'), setting('NoNewPrivileges')]).toEqual([
    'yes',
    'strict',
    'yes',
  ])
})

test('the launchd job is a tree of tags', () => {
  const open: string[] = []
  for (const [, slash, name = '', empty] of plist.replace(/<[?!][^]*?>/g, '').matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (slash === '/') expect(open.pop()).toBe(name)
    else if (empty !== '/') open.push(name)
  }
  expect(open).toEqual([])
})

function setting(name: string): string {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? 'missing'
}

function read(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../scripts/service/${name}`, import.meta.url)), 'utf8')
}
