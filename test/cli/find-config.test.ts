import { describe, expect, test } from 'vitest'
import { type ConfigPlaces, findConfig, findOwnConfig, userConfigPath } from '../../src/cli/find-config.ts'

const OURS = '{"auth_tokens": ["x"], "accounts": []}'
const OWN = '/home/me/.config/sub2api-simple/config.json'

/** A disk that holds these files; null stands for one that cannot be read. */
function disk(files: Record<string, string | null>): ConfigPlaces {
  return { exists: (path) => path in files, read: (path) => files[path] ?? null, userConfig: OWN }
}

describe('without a name the config is', () => {
  test.each([
    ['none where there is none', {}, null],
    ['the one there is', { 'config.jsonc': OURS }, 'config.jsonc'],
    ['JSON before YAML', { 'config.yaml': OURS, 'config.json': OURS }, 'config.json'],
    [
      'YAML before JSON with comments',
      { 'config.jsonc': OURS, 'config.yml': OURS, 'config.yaml': OURS },
      'config.yaml',
    ],
    ['that of the directory before the own one', { 'config.json': OURS, [OWN]: OURS }, 'config.json'],
    ['the own one where the directory has none', { [OWN]: OURS }, OWN],
    ["the own one where the directory's is something else's", { 'config.json': '{"theme": "dark"}', [OWN]: OURS }, OWN],
    ['a strange one where there is no other, so that an error names it', { 'config.json': '{}' }, 'config.json'],
    ['one that cannot be read where there is no other', { 'config.json': null }, 'config.json'],
  ])('%s', (_, files, expected) => {
    expect(findConfig(disk(files))).toBe(expected)
  })
})

describe('for a verb that would write one it is', () => {
  test.each([
    ["none where the directory's is something else's", { 'config.json': '{"theme": "dark"}' }, null],
    ["the directory's where it is ours", { 'config.yaml': 'auth_tokens: [x]', [OWN]: OURS }, 'config.yaml'],
    ['the own one even when it cannot be read', { [OWN]: null }, OWN],
  ])('%s', (_, files, expected) => {
    expect(findOwnConfig(disk(files))).toBe(expected)
  })
})

test.each([
  [{ HOME: '/home/me' }, 'linux', OWN],
  [{ HOME: '/home/me', XDG_CONFIG_HOME: '' }, 'darwin', OWN],
  [{ HOME: '/home/me', XDG_CONFIG_HOME: '/etc/me' }, 'linux', '/etc/me/sub2api-simple/config.json'],
  [{ HOME: '/home/me', APPDATA: '/data' }, 'win32', '/data/sub2api-simple/config.json'],
] as const)('the own config of %j on %s', (environment, platform, expected) => {
  expect(userConfigPath(environment, platform)).toBe(expected)
})
