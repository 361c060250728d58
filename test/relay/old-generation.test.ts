/**
 * What was made for a request is gone when the young generation of V8's heap is next collected, which is cheap and often.
 * What has reached the old generation stays until the whole heap is collected, and takes along all that it refers to, dead
 * or not: one closure there is enough to keep a request with its answer, its sockets and their buffers.
 *
 * Some things are old from their birth (V8 11.3, Node 20): a function that is written into the assignment to a member
 * (`exchange.onDrain = () => …`), as long as the code around it is not optimized, and what holds the getter of an object
 * literal (`{ get told() { … } }`). Instead: an argument, a constant, a method, or a class.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { bundleForNode } from '../harness/bundle.ts'
import { spawnProgram } from '../harness/program.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { answerText } from '../harness/reactions.ts'
import { startVendor } from '../harness/vendor.ts'
import { PLATFORMS } from '../hub/stage.ts'

const folder = mkdtempSync(join(tmpdir(), 'old-generation-'))
const stage = { bundle: '' }
beforeAll(async () => {
  stage.bundle = await bundleForNode('src/cli.ts', folder)
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TOKEN = 'the-token-of-a-client'
const PROTOCOLS = Object.keys(PLATFORMS) as Protocol[]
/** As many again to warm up: code that runs for the first time makes feedback that stays. */
const REQUESTS = 100
const AT_ONCE = 10
/** Of what code learns and sockets leave behind it is 2 to 6 KB; a request that was kept is 13 to 35 KB. */
const MOST_BYTES = 9_000

function question(client: Protocol, model: string, stream: boolean): { path: string; body: JsonObject } {
  const messages = [{ role: 'user', content: 'hi' }]
  switch (client) {
    case 'anthropic':
      return { path: '/v1/messages', body: { model, max_tokens: 9, stream, messages } }
    case 'openai-chat':
      return { path: '/v1/chat/completions', body: { model, stream, messages } }
    case 'openai-responses':
      return { path: '/v1/responses', body: { model, stream, store: false, input: 'hi' } }
    case 'gemini': {
      const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
      return {
        path: `/v1beta/models/${model}:${verb}`,
        body: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
      }
    }
  }
}

test.each(PROTOCOLS)(
  'a request of a client of %s leaves nothing of itself behind, whoever answers',
  async (client) => {
    const vendor = await startVendor()
    vendor.always(answerText(['hello ', 'again']))
    const config = join(folder, `${client}.json`)
    const accounts = PROTOCOLS.map((name) => ({
      ...PLATFORMS[name],
      name,
      api_key: name,
      base_url: vendor.url,
      models: [name],
    }))
    const settings = { listen_addr: '127.0.0.1:0', auth_tokens: [TOKEN], log: { level: 'error' }, accounts }
    writeFileSync(config, JSON.stringify(settings), { mode: 0o600 })
    const teller = pathToFileURL(join(import.meta.dirname, '../harness/heap-teller.mjs')).href
    const program = spawnProgram([process.execPath, '--import', teller, stage.bundle], ['-config', config], { folder })
    const port = Number((await program.until(/listening on [^\n]*?:(\d+)/))[1])

    async function usedAfter(name: string, generation: 'full' | 'young'): Promise<number> {
      const told = program.until(new RegExp(`${name}: (\\d+)`))
      program.child.stdin.write(`${name} ${generation}\n`)
      return Number((await told)[1])
    }
    async function ask(model: string, stream: boolean): Promise<void> {
      const request = { ...question(client, model, stream), headers: { authorization: `Bearer ${TOKEN}` } }
      for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
        const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => rawRequest(port, request)))
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      }
      vendor.forget()
    }

    const left: Record<string, number> = {}
    for (const upstream of PROTOCOLS) {
      for (const stream of [true, false]) {
        const lane = `${upstream}-${stream ? 'stream' : 'whole'}`
        await ask(upstream, stream)
        const before = await usedAfter(`${lane}-before`, 'full')
        await ask(upstream, stream)
        left[lane] = Math.round(((await usedAfter(`${lane}-after`, 'young')) - before) / REQUESTS)
      }
    }
    await vendor.close()
    const kept = Object.entries(left).filter(([, bytes]) => bytes > MOST_BYTES)
    expect(kept).toEqual([])
  },
  60_000,
)
