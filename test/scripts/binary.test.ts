/**
 * What goes out beside the binaries: a list of what is in them, and sums to check a download with.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'binary-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { createBillOfMaterials } = (await load('bill-of-materials.mjs')) as {
  createBillOfMaterials: (parts: object) => { components: Array<Record<string, unknown>> }
}
const { createChecksums } = (await load('checksums.mjs')) as { createChecksums: (files: string[]) => string }

const manifest = { name: 'sub2api-simple', version: '1.2.3', license: 'MIT' }
const runtime = { name: 'bun', version: '1.4.5' }
const integrity = `sha512-${Buffer.from('digest').toString('base64')}`
const lock = {
  packages: {
    'node_modules/undici': { version: '6.0.0', integrity: 'sha512-b3RoZXI=', license: 'MIT' },
    'node_modules/openai/node_modules/undici': { version: '7.0.0', integrity, license: 'MIT' },
    'node_modules/@hono/node-server': { version: '2.0.0', integrity, license: 'MIT' },
    'node_modules/vitest': { version: '4.0.0', integrity, license: 'MIT' },
  },
}

test('the bill of materials holds what was bundled, in that version, and the runtime, but no build tools', () => {
  const licenses =
    'undici 7.0.0: LICENSE\n\nMIT\n\nundici 7.0.0: lib/fetch/LICENSE\n\n@hono/node-server 2.0.0: LICENSE\n'
  const { components } = createBillOfMaterials({ manifest, lock, licenses, runtime })
  expect(components.map(({ purl }) => purl)).toEqual([
    'pkg:npm/undici@7.0.0',
    'pkg:npm/%40hono/node-server@2.0.0',
    'pkg:npm/bun@1.4.5',
  ])
  expect(components[0]?.['hashes']).toEqual([{ alg: 'SHA-512', content: Buffer.from('digest').toString('hex') }])
})

test('a library that the lock file does not know in this version stops the release', () => {
  const licenses = 'undici 8.0.0: LICENSE\n'
  expect(() => createBillOfMaterials({ manifest, lock, licenses, runtime })).toThrow(
    'package-lock.json does not know undici 8.0.0',
  )
})

test('sha256sum finds the checksums right, and a changed file wrong', () => {
  const files = ['one', 'two'].map((name) => join(folder, name))
  for (const file of files) writeFileSync(file, file)
  writeFileSync(join(folder, 'SHA256SUMS'), createChecksums(files))
  const check = () => execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: folder, stdio: 'pipe' })
  expect(check().toString()).toBe('')
  writeFileSync(join(folder, 'two'), readFileSync(join(folder, 'one')))
  expect(check).toThrow('did NOT match')
})

function load(name: string): Promise<unknown> {
  return import(new URL(`../../scripts/binary/${name}`, import.meta.url).href)
}
