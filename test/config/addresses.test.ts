import { describe, expect, test } from 'vitest'
import { parseBaseUrl, parseListenAddress } from '../../src/config/addresses.ts'
import { kindOfHost } from '../../src/config/host.ts'

describe('listen_addr', () => {
  test.each([
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    [':8080', null, 8080],
    ['localhost:0', 'localhost', 0],
    ['[::1]:8080', '::1', 8080],
    ['[::]:65535', '::', 65_535],
    [' 0.0.0.0:80 ', '0.0.0.0', 80],
  ])('%j', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port })
  })

  test.each(['8080', '127.0.0.1', '::1:8080', ':65536', ':http', 'http://127.0.0.1:8080', ':-1', 'a:b:1', ''])(
    '%j is refused',
    (text) => {
      expect(parseListenAddress(text)).toMatchObject({ rejected: 'is not host:port' })
    },
  )
})

describe('base_url (input 68)', () => {
  test.each([
    ['https://api.example.com', 'openai', 'https://api.example.com'],
    ['https://api.example.com///', 'openai', 'https://api.example.com'],
    ['https://API.example.com:443/v1/', 'openai', 'https://api.example.com'],
    ['https://api.example.com/openai/v1', 'openai', 'https://api.example.com/openai'],
    ['https://api.example.com/v1beta', 'openai', 'https://api.example.com/v1beta'],
    ['https://api.example.com/v1beta', 'gemini', 'https://api.example.com'],
    ['https://api.example.com/v1', 'gemini', 'https://api.example.com'],
    ['https://api.example.com/v12', 'anthropic', 'https://api.example.com/v12'],
    ['http://localhost:11434/v1', 'openai', 'http://localhost:11434'],
    ['http://ollama:11434', 'openai', 'http://ollama:11434'],
    ['http://[fd12::5]:8000', 'openai', 'http://[fd12::5]:8000'],
  ] as const)('%s of an %s account is %s', (text, platform, url) => {
    expect(parseBaseUrl(text, platform, false)).toEqual({ url })
  })

  test.each([
    ['api.example.com', 'must be an http:// or https:// URL'],
    ['ftp://api.example.com', 'must be an http:// or https:// URL'],
    ['https://', 'must be an http:// or https:// URL'],
    ['https://key@api.example.com', 'must not hold credentials'],
    ['https://api.example.com/?key=x', 'must end before "?" and "#"'],
    ['https://api.example.com/#x', 'must end before "?" and "#"'],
    ['http://api.example.com', 'would send keys and prompts unencrypted to a public host'],
    ['http://8.8.8.8', 'would send keys and prompts unencrypted to a public host'],
    ['http://169.254.169.254', 'is a link-local or metadata address'],
    ['https://metadata.google.internal', 'is a link-local or metadata address'],
  ])('%s is refused', (text, rejected) => {
    expect(parseBaseUrl(text, 'openai', false)).toMatchObject({ rejected })
  })

  test('plain http to a public host is possible for those who ask for it, metadata never', () => {
    expect(parseBaseUrl('http://api.example.com', 'openai', true)).toEqual({ url: 'http://api.example.com' })
    expect(parseBaseUrl('http://169.254.1.1', 'openai', true)).toHaveProperty('rejected')
  })
})

describe('a host', () => {
  test.each([
    ['http://127.8.8.8', 'loopback'],
    ['http://localhost.', 'loopback'],
    ['http://api.localhost', 'loopback'],
    ['http://0.0.0.0', 'loopback'],
    ['http://2130706433', 'loopback'],
    ['http://[::1]', 'loopback'],
    ['http://[::ffff:127.0.0.1]', 'loopback'],
    ['http://10.1.2.3', 'private'],
    ['http://172.31.0.1', 'private'],
    ['http://172.32.0.1', 'public'],
    ['http://100.64.0.1', 'private'],
    ['http://host.docker.internal', 'private'],
    ['http://nas.local', 'private'],
    ['http://nas', 'private'],
    ['http://[fc00::1]', 'private'],
    ['http://169.254.169.254', 'metadata'],
    ['http://0xa9fea9fe', 'metadata'],
    ['http://169.254.169.254.', 'metadata'],
    ['http://[::ffff:169.254.169.254]', 'metadata'],
    ['http://[fe80::1]', 'metadata'],
    ['http://[fd00:ec2::254]', 'metadata'],
    ['http://100.100.100.200', 'metadata'],
    ['http://localhost.example.com', 'public'],
    ['http://127.0.0.1.example.com', 'public'],
    ['http://[2001:db8::1]', 'public'],
  ])('%s is %s', (url, kind) => {
    expect(kindOfHost(new URL(url).hostname)).toBe(kind)
  })
})
