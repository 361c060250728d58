/**
 * What the documents tell people to type, typed: every block of commands runs in a shell against a relay, with the
 * README's port and token. And what they tell people to write into a config, loaded.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { loadText } from '../config/load-text.ts'
import { useProgram } from '../harness/program.ts'
import { startVendor } from '../harness/vendor.ts'
import { DOCUMENTS, type Fence, fencesOf, repository } from './fences.ts'
import { writeStandIns } from './stand-ins.ts'

const { folder, run, command } = useProgram()
const KEYS = ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY', 'SECOND_KEY', 'CI_RELAY_TOKEN']
const ENVIRONMENT = Object.fromEntries(KEYS.map((name) => [name, `a-key-called-${name}`]))

const fences = DOCUMENTS.flatMap(fencesOf)
const isShell = ({ language }: Fence): boolean => /^(sh|bash|zsh|fish|shell|console|powershell)$/.test(language)
const isRun = ({ language, remark }: Fence): boolean => language === 'sh' && remark === ''

describe('commands', () => {
  test('are run, or say why not', () => {
    const silent = fences.filter((fence) => isShell(fence) && !isRun(fence) && !/^not run: \S.{8,}/.test(fence.remark))
    expect(silent.map(({ document, line }) => `${document}:${line}`)).toEqual([])
    expect(fences.filter(isRun).length).toBeGreaterThan(12)
  })

  test.each([...new Set(fences.filter(isRun).map(({ document }) => document))])(
    'of %s work as they stand there',
    async (document) => {
      const shell = await openShell()
      for (const fence of fencesOf(document).filter(isRun)) {
        const { code, output } = await shell(fence.text)
        expect(code, `${document}:${fence.line}\n${fence.text}\n${output}`).toBe(0)
      }
    },
    60_000,
  )
})

describe('configs', () => {
  const configs = fences.filter(({ language, text }) => language === 'json' && text.includes('"auth_tokens"'))

  test.each(configs.map((fence) => [`${fence.document}:${fence.line}`, fence.text]))(
    '%s loads',
    async (_place, text) => {
      // A part of a config is shown without what else it needs.
      const whole = { accounts: [{ api_key: 'k' }], ...(parse(text) as object) }
      const { warnings } = await loadText(whole, { environment: ENVIRONMENT })
      expect(warnings.filter(({ message }) => message.includes('is not a known key'))).toEqual([])
    },
  )
})

test('every link leads to a file, and every anchor to a heading', () => {
  const targets = DOCUMENTS.flatMap((document) => {
    const text = readFileSync(repository + document, 'utf8').replace(/^```[^]*?^```$/gm, '')
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({ document, target }))
  })
  const broken = targets.filter(({ document, target }) => !isThere(document, target))
  expect(broken).toEqual([])
})

function isThere(document: string, target: string): boolean {
  if (/^https?:/.test(target)) return true
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? repository + document : join(repository, dirname(document), path)
  if (!existsSync(file)) return false
  if (anchor === undefined) return true
  const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)
  return headings.some((heading) => anchorOf(heading) === anchor)
}

/** As GitHub makes them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

/** A shell in a folder that holds what the README speaks of, beside a running relay that has an account of each platform. */
async function openShell(): Promise<(text: string) => Promise<{ code: number | null; output: string }>> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const home = mkdtempSync(join(folder, 'home-'))
  const accounts = [
    { name: 'claude', platform: 'anthropic' },
    { name: 'gpt', platform: 'openai', wire_api: 'both' },
    { name: 'gemini', platform: 'gemini' },
  ].map((account) => ({ ...account, api_key: 'k', base_url: vendor.url }))
  const config = { listen_addr: '127.0.0.1:0', auth_tokens: ['sk-example-change-me'], accounts }
  // Not in the reader's folder: a relay takes over what is written into its config.
  const path = join(mkdtempSync(join(folder, 'relay-')), 'config.json')
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
  const [, port = ''] = await run(['-config', path]).until(/listening on 127\.0\.0\.1:(\d+)/)
  writeFileSync(join(home, 'config.json'), JSON.stringify({ ...config, listen_addr: `127.0.0.1:${port}` }), {
    mode: 0o600,
  })
  const example = readFileSync(`${repository}config.example.json`, 'utf8')
  writeFileSync(join(home, 'config.example.json'), example.replaceAll('8080', port))

  const env = {
    PATH: `${writeStandIns(home, command())}:${process.env['PATH']}`,
    HOME: home,
    RELAY_URL: `http://127.0.0.1:${port}`,
  }
  return (text) =>
    new Promise((resolve) => {
      const script = text.replaceAll('8080', port)
      const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: home,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 20_000,
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (output += String(piece)))
      child.once('close', (code) => resolve({ code, output }))
    })
}
