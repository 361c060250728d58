/**
 * Writing one account's tokens back into the user's own file: what changes, what must not, and who wins.
 */
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createCredentialStore, type StoreOptions } from '../../src/config/store.ts'
import type { SignIn } from '../../src/core/account.ts'
import { createSystemClock } from '../../src/core/clock.ts'
import { Secret } from '../../src/core/secret.ts'
import { writeConfig } from './load-text.ts'

const clock = createSystemClock()
const END = Date.UTC(2027, 0, 31)

function signIn(refresh: string | null, access: string | null = null, facts: Partial<SignIn> = {}): SignIn {
  const secret = (text: string | null): Secret | null => (text === null ? null : new Secret(text))
  return {
    type: 'oauth',
    refreshToken: secret(refresh),
    accessToken: secret(access),
    expiresAt: 0,
    accountId: null,
    ...facts,
  }
}

function open(path: string, options: Partial<StoreOptions> = {}) {
  return createCredentialStore({ path, tokenStore: 'config', configured: () => null, clock, ...options })
}

const NEW = signIn('rt-2', 'at-2', { expiresAt: END, accountId: 'acc' })
const text = (path: string): string => readFileSync(path, 'utf8')

describe('only the bytes of the credential change', () => {
  test.each<[string, string, string, string]>([
    [
      'JSON with all fields',
      'config.json',
      '{"auth_tokens":["t"],\n  "x": 1.0, "accounts":[ {"name":"a","refresh_token":"rt-1","access_token":"at-1","expires_at":"2026-01-01T00:00:00Z","chatgpt_account_id":"old"} ]}\n',
      '{"auth_tokens":["t"],\n  "x": 1.0, "accounts":[ {"name":"a","refresh_token":"rt-2","access_token":"at-2","expires_at":"2027-01-31T00:00:00.000Z","chatgpt_account_id":"acc"} ]}\n',
    ],
    [
      'JSON, one field, each on a line',
      'config.json',
      '{\n  "accounts": [\n    {\n      "name": "a",\n      "refresh_token": "rt-1"\n    }\n  ]\n}',
      '{\n  "accounts": [\n    {\n      "name": "a",\n      "access_token": "at-2",\n      "expires_at": "2027-01-31T00:00:00.000Z",\n      "chatgpt_account_id": "acc",\n      "refresh_token": "rt-2"\n    }\n  ]\n}',
    ],
    [
      'comments, a trailing comma and unknown keys',
      'config.jsonc',
      '{ // mine\n  "accounts": [{\n    "name": "a", "mystery": [1, 2],\n    "Refresh_Token": "rt-1", // from my laptop\n    "access_token": "x", "expires_at": "x", "chatgpt_account_id": "x",\n  }],\n}\n',
      '{ // mine\n  "accounts": [{\n    "name": "a", "mystery": [1, 2],\n    "Refresh_Token": "rt-2", // from my laptop\n    "access_token": "at-2", "expires_at": "2027-01-31T00:00:00.000Z", "chatgpt_account_id": "acc",\n  }],\n}\n',
    ],
    [
      'a first login in one line of JSON',
      'config.json',
      '{"accounts": [{"name": "a", "type": "oauth"}]}',
      '{"accounts": [{"name": "a", "refresh_token": "rt-2", "access_token": "at-2", "expires_at": "2027-01-31T00:00:00.000Z", "chatgpt_account_id": "acc", "type": "oauth"}]}',
    ],
    [
      'YAML with an empty value and a comment',
      'config.yaml',
      "auth_tokens: [t]\naccounts:\n  - name: b\n    refresh_token: rt-1\n  - refresh_token:\n    name: 'a'   # the good one\n    headers:\n      x: y\n",
      'auth_tokens: [t]\naccounts:\n  - name: b\n    refresh_token: rt-1\n  - access_token: "at-2"\n    expires_at: "2027-01-31T00:00:00.000Z"\n    chatgpt_account_id: "acc"\n    refresh_token: "rt-2"\n    name: \'a\'   # the good one\n    headers:\n      x: y\n',
    ],
    [
      'Windows line ends and a byte order mark',
      'config.json',
      '\uFEFF{\r\n  "accounts": [{\r\n    "name": "a",\r\n    "refresh_token": "rt-1"\r\n  }]\r\n}\r\n',
      '\uFEFF{\r\n  "accounts": [{\r\n    "name": "a",\r\n    "access_token": "at-2",\r\n    "expires_at": "2027-01-31T00:00:00.000Z",\r\n    "chatgpt_account_id": "acc",\r\n    "refresh_token": "rt-2"\r\n  }]\r\n}\r\n',
    ],
    [
      'an account without a name',
      'config.json',
      '{"accounts": [{"refresh_token": "rt-1", "access_token": "", "expires_at": null, "chatgpt_account_id": ""}]}',
      '{"accounts": [{"refresh_token": "rt-2", "access_token": "at-2", "expires_at": "2027-01-31T00:00:00.000Z", "chatgpt_account_id": "acc"}]}',
    ],
  ])('%s', async (_what, name, before, after) => {
    const path = writeConfig(before, { name })
    const account = before.includes('"a"') || before.includes("'a'") ? 'a' : 'account-1'
    expect(await open(path).save(account, NEW, null)).toEqual({ kind: 'kept', complaint: null })
    expect(text(path)).toBe(after)
    const read = await open(path).read(account)
    expect([read?.refreshToken?.reveal(), read?.accessToken?.reveal(), read?.expiresAt, read?.accountId]).toEqual([
      'rt-2',
      'at-2',
      END,
      'acc',
    ])
    expect(readdirSync(dirname(path))).toEqual([name])
  })

  test('mode and link stay: the target of the link changes (rows 66 and 72)', async () => {
    const target = writeConfig({ accounts: [{ name: 'a', refresh_token: 'rt-1' }] })
    chmodSync(target, 0o644)
    const link = join(dirname(target), 'link.json')
    symlinkSync(target, link)
    await open(link).save('a', NEW, { token: 'rt-1' })
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(statSync(target).mode & 0o777).toBe(0o644)
    expect(text(target)).toContain('rt-2')
  })
})

describe('who wins', () => {
  const config = (token: string): object => ({ accounts: [{ name: 'a', refresh_token: token }] })

  test('a token pasted while a refresh was running (row 71)', async () => {
    const path = writeConfig(config('pasted'))
    const result = await open(path).save('a', NEW, { token: 'rt-1' })
    expect(result).toMatchObject({ kind: 'overtaken' })
    expect(text(path)).not.toContain('rt-2')
  })

  test('an account that was removed meanwhile is not brought back (row 70)', async () => {
    const path = writeConfig({ accounts: [{ name: 'other', api_key: 'k' }] })
    const before = text(path)
    expect(await open(path).save('a', NEW, { token: 'rt-1' })).toEqual({ kind: 'removed' })
    expect(text(path)).toBe(before)
  })

  test('two accounts written at once are both there', async () => {
    const path = writeConfig({
      accounts: [
        { name: 'a', refresh_token: 'a1' },
        { name: 'b', refresh_token: 'b1' },
      ],
    })
    const [one, two] = [open(path), open(path)]
    await Promise.all([one.save('a', signIn('a2'), { token: 'a1' }), two.save('b', signIn('b2'), { token: 'b1' })])
    expect((await one.read('a'))?.refreshToken?.reveal()).toBe('a2')
    expect((await one.read('b'))?.refreshToken?.reveal()).toBe('b2')
  })
})

describe('token_state.json', () => {
  const config = (token?: string): string =>
    JSON.stringify({
      accounts: [{ name: 'a', type: 'oauth', ...(token === undefined ? {} : { refresh_token: token }) }],
    })
  const refreshOf = async (path: string, options: Partial<StoreOptions> = {}): Promise<string | undefined> =>
    (await open(path, options).read('a'))?.refreshToken?.reveal()

  test('token_store "state" leaves the config alone, and a token pasted into it wins afterwards', async () => {
    const path = writeConfig(config('rt-1'))
    const store = open(path, { tokenStore: 'state' })
    await store.save('a', NEW, { token: 'rt-1' })
    expect(text(path)).toBe(config('rt-1'))
    expect(statSync(join(dirname(path), 'token_state.json')).mode & 0o777).toBe(0o600)
    expect(await refreshOf(path, { tokenStore: 'state' })).toBe('rt-2')
    writeFileSync(path, config('pasted'))
    expect(await refreshOf(path, { tokenStore: 'state' })).toBe('pasted')
  })

  test('a token that the config only refers to goes there, and a new value of the reference wins', async () => {
    const path = writeConfig(config('${TOKEN}'))
    await open(path, { configured: () => signIn('rt-1') }).save('a', NEW, { token: 'rt-1' })
    expect(await refreshOf(path, { configured: () => signIn('rt-1') })).toBe('rt-2')
    expect(await refreshOf(path, { configured: () => signIn('newer') })).toBe('newer')
  })

  test("the Go program's sign-in is taken over once, into the config", async () => {
    const path = writeConfig(config('spent'))
    const state = {
      accounts: {
        a: { refresh_token: 'go', access_token: 'at', expires_at: '2027-01-31T08:00:00.123456+08:00' },
        gone: { refresh_token: 'x' },
      },
    }
    writeFileSync(join(dirname(path), 'token_state.json'), JSON.stringify(state))
    const store = open(path)
    await store.recover(['a'])
    expect(await refreshOf(path)).toBe('go')
    expect(text(path)).toContain('"go"')
    writeFileSync(path, config('pasted'))
    await store.recover(['a'])
    expect(await refreshOf(path)).toBe('pasted')
    expect(text(join(dirname(path), 'token_state.json'))).toContain('"gone"')
  })

  test('one that cannot be understood is not overwritten, and the token waits for another place', async () => {
    const path = writeConfig(config('rt-1'))
    writeFileSync(join(dirname(path), 'token_state.json'), '{"accounts": ')
    const result = await open(path, { tokenStore: 'state' }).save('a', NEW, { token: 'rt-1' })
    expect(result).toMatchObject({ kind: 'failed', reason: expect.stringContaining('token_state.json') })
    expect(text(join(dirname(path), 'token_state.json'))).toBe('{"accounts": ')
    expect(await refreshOf(path)).toBe('rt-2')
  })
})
