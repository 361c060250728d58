import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { SecretInput } from '../../src/config/schema.ts'
import { createSecretReader, isWrittenOut, type Environment } from '../../src/config/secrets.ts'

function temporaryDirectory(files: Record<string, string> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'sub2api-secrets-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
  return directory
}

function read(input: SecretInput, environment: Environment = {}, directory = '/nowhere') {
  return createSecretReader(directory, environment)(input)
}

/** A command that every machine with this test has. */
function node(script: string): SecretInput {
  return { command: [process.execPath, '-e', script] }
}

describe('a secret written as', () => {
  test('text is that text', async () => {
    expect(await read(' sk-1\n')).toEqual({ text: 'sk-1' })
  })

  test('text with variables has them filled in', async () => {
    expect(await read('http://${USER}:${PASS_2}@proxy', { USER: 'me', PASS_2: ' pw\n' })).toEqual({
      text: 'http://me:pw@proxy',
    })
  })

  test('text with anything but a variable stays as it is', async () => {
    expect(await read('$HOME ${} ${a-b} {x}', { HOME: 'no' })).toEqual({ text: '$HOME ${} ${a-b} {x}' })
  })

  test.each<[SecretInput, Environment, string]>([
    ['${KEY}', {}, 'the environment variable KEY is not set'],
    ['a${KEY}', { KEY: ' ' }, 'the environment variable KEY is empty'],
    [{ env: 'KEY' }, {}, 'the environment variable KEY is not set'],
    [{ env: '__proto__' }, {}, 'the environment variable __proto__ is not set'],
    [{ env: 'KEY' }, { KEY: '' }, 'the environment variable KEY is empty'],
  ])('%j is missing with %j', async (input, environment, missing) => {
    expect(await read(input, environment)).toEqual({ missing })
  })

  test('a variable is its value', async () => {
    expect(await read({ env: 'KEY' }, { KEY: 'sk-2\r\n' })).toEqual({ text: 'sk-2' })
  })

  test('a file is its text, seen from the directory of the config or from home', async () => {
    const directory = temporaryDirectory({ key: '\uFEFFsk-3\n', empty: ' \n' })

    expect(await read({ file: 'key' }, {}, directory)).toEqual({ text: 'sk-3' })
    expect(await read({ file: '~/key' }, { HOME: directory })).toEqual({ text: 'sk-3' })
    expect(await read({ file: 'empty' }, {}, directory)).toEqual({ missing: `the file ${directory}/empty is empty` })
    expect(await read({ file: 'gone' }, {}, directory)).toEqual({
      missing: `the file ${directory}/gone cannot be read: there is no such file`,
    })
    expect(await read({ file: '.' }, {}, directory)).toEqual({
      missing: `the file ${directory} cannot be read: it is a directory`,
    })
  })
})

describe('a secret printed by a command', () => {
  const directory = tmpdir()
  const reader = () => createSecretReader(directory, { KEY: 'sk-4' })

  test('is what it prints, with the environment and the directory of the config', async () => {
    expect(await reader()(node('console.log(process.env.KEY)'))).toEqual({ text: 'sk-4' })
  })

  test('is asked for once, however many accounts use it', async () => {
    const place = temporaryDirectory()
    const readSecret = createSecretReader(place, {})
    const command = node(
      'require("fs").appendFileSync("count", "x"); console.log(require("fs").statSync("count").size)',
    )

    expect([await readSecret(command), await readSecret(command)]).toEqual([{ text: '1' }, { text: '1' }])
  })

  test('that asks for input gets none', async () => {
    expect(await reader()(node('process.stdin.resume().on("end", () => console.log("end"))'))).toEqual({ text: 'end' })
  })

  test.each<[string, SecretInput, RegExp]>([
    [
      'fails',
      node('console.error("not\\nsigned in"); process.exit(3)'),
      /failed: it ended with code 3: not signed in$/,
    ],
    ['prints nothing', node(''), /printed nothing$/],
    ['prints without end', node('for (;;) console.log("x".repeat(9999))'), /failed: it printed too much$/],
    ['does not exist', { command: ['/no/such/program'] }, /^the command \/no\/such\/program failed: there is no such/],
  ])('that %s is told', async (_, input, expected) => {
    const { missing = '' } = await reader()(input)

    expect(missing).toMatch(expected)
  })
})

test('only what stands in the file itself is written out', () => {
  const inputs: SecretInput[] = ['sk-1', 'sk-${A}', '', { env: 'A' }, { file: 'f' }, { command: ['c'] }]

  expect(inputs.map(isWrittenOut)).toEqual([true, false, false, false, false, false])
})
