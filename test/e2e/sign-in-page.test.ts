/**
 * docs/sign-in.md keeps its word: its commands parse, and the events it names are those that the relay logs.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.ts'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(`${repository}docs/sign-in.md`, 'utf8')

test.each([...page.matchAll(/sub2api-simple (login me.*)$/gm)].map(([, command = '']) => command.replace(/`.*/, '')))(
  'the program understands %s',
  async (command) => {
    const asked: object[] = []
    const verbs = { login: async (options: object) => asked.push(options) - 1 }
    const output = { print: () => {}, complain: () => {} }
    expect(await runCommandLine(command.split(' '), verbs as never, output)).toBe(0)
    expect(asked).toMatchObject([{ account: 'me', browser: !command.includes('--no-browser') }])
  },
)

test('the events it explains exist', () => {
  const sources = readdirSync(`${repository}src/oauth`).map((name) =>
    readFileSync(`${repository}src/oauth/${name}`, 'utf8'),
  )
  const events = [...page.matchAll(/`(token\.\w+)`/g)].map(([, event = '']) => event)
  expect(events).toHaveLength(4)
  for (const event of events) expect(sources.join('')).toContain(`'${event}'`)
})
