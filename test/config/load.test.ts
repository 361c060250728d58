import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig, SMALLEST_CONFIG } from '../../src/config/load.ts'
import { explain } from '../../src/config/read-file.ts'
import { loadText, TOKEN, withAccount, writeConfig } from './load-text.ts'

describe('a config file', () => {
  test('is read, and neither it nor its directory changes', async () => {
    const path = writeConfig(withAccount({}))
    const before = { text: readFileSync(path, 'utf8'), time: statSync(path).mtimeMs }
    const { config } = await loadConfig(path, {})

    expect(config.path).toBe(path)
    expect({ text: readFileSync(path, 'utf8'), time: statSync(path).mtimeMs }).toEqual(before)
    expect(Object.isFrozen(config) && config.accounts.every(Object.isFrozen)).toBe(true)
  })

  test('input 73: that is missing is answered with the way to one', async () => {
    await expect(loadConfig('no/such/config.json', {})).rejects.toThrow(
      [
        'no/such/config.json: error: cannot be read: there is no such file',
        '  Let sub2api-simple init write one, or write this into it, with a token of your own:',
        '  {',
        '    "auth_tokens": ["sk-example-change-me"],',
      ].join('\n'),
    )
    const { config } = await loadText(JSON.parse(SMALLEST_CONFIG), { environment: { ANTHROPIC_API_KEY: 'k' } })
    expect(config.accounts).toMatchObject([{ platform: 'anthropic', problem: null }])
  })

  test.each([
    ['/dev/null', '/dev/null: error: the file is empty\n  Start from a copy of config.example.json.'],
    ['/dev/zero', '/dev/zero: error: cannot be read: it is larger than 2048 KiB'],
    [tmpdir(), `${tmpdir()}: error: cannot be read: it is a directory`],
    ['/dev/null/x', '/dev/null/x: error: cannot be read: a part of its path is not a directory'],
  ])('input 73: that is %s is answered in one line', async (path, message) => {
    await expect(loadConfig(path, {})).rejects.toMatchObject({ code: 'CONFIG_UNUSABLE', message })
  })

  test('input 73: that may not be read says so', () => {
    expect(explain(Object.assign(new Error('EACCES'), { code: 'EACCES' })).message).toBe('no permission to read it')
  })

  test('in another encoding than UTF-8 says so', async () => {
    const path = writeConfig('')
    writeFileSync(path, Buffer.from('\uFEFF{}', 'utf16le'))

    await expect(loadConfig(path, {})).rejects.toThrow('cannot be read: it is not UTF-8 text; save it as UTF-8')
  })
})

describe('row 72: a config file that others can read', () => {
  test.each([
    [0o644, 'everybody on this machine'],
    [0o640, 'its group'],
  ])('with mode %o is warned of while it holds secrets', async (mode, readers) => {
    const path = writeConfig(withAccount({}))
    chmodSync(path, mode)
    const { warnings } = await loadConfig(path, {})

    expect(warnings).toMatchObject([
      { line: 0, message: `holds secrets and can be read by ${readers}`, advice: `Run: chmod 600 ${path}` },
    ])
  })

  test('is fine when its secrets are elsewhere', async () => {
    const settings = { auth_tokens: ['${TOKEN}'], accounts: [{ api_key: { env: 'KEY' } }] }
    const { warnings } = await loadText(settings, { mode: 0o644, environment: { TOKEN, KEY: 'k' } })

    expect(warnings).toEqual([])
  })
})

describe('config.example.json', () => {
  const example = join(import.meta.dirname, '../../config.example.json')

  test('starts as shipped: its accounts rest until they get their keys', async () => {
    const { config, warnings } = await loadConfig(example, {})

    expect(config.listen).toEqual({ host: '127.0.0.1', port: 8080 })
    expect(config.tokens).toMatchObject([{ loopbackOnly: true }])
    expect(config.accounts.map(({ platform, problem }) => [platform, problem])).toEqual([
      ['anthropic', 'api_key: the environment variable ANTHROPIC_API_KEY is not set'],
      ['openai', 'api_key: the environment variable OPENAI_API_KEY is not set'],
      ['gemini', 'api_key: the environment variable GEMINI_API_KEY is not set'],
    ])
    expect(warnings.map(({ key }) => key)).toEqual(['auth_tokens[0]'])
  })

  test('serves once a key is in the environment', async () => {
    const { config } = await loadConfig(example, { OPENAI_API_KEY: 'sk-1' })

    expect(config.accounts.filter(({ problem }) => problem === null).map(({ name }) => name)).toEqual(['openai'])
  })

  test('is plain JSON, which the Go program reads too', () => {
    expect(JSON.parse(readFileSync(example, 'utf8'))).toHaveProperty('accounts')
  })
})
