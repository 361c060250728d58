import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { completion } from '../../src/cli/completion.ts'
import type { Verbs } from '../../src/cli/verbs.ts'

async function scriptFor(shell: string): Promise<string> {
  const printed: string[] = []
  const output = { print: (text: string) => void printed.push(text), complain: () => {} }
  expect(await runCommandLine(['completion', shell], { completion } as unknown as Verbs, output)).toBe(0)
  return printed.join('\n')
}

/** What bash offers when Tab is pressed behind the last of these words. */
async function complete(...words: string[]): Promise<string[]> {
  const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`
  const script = `${await scriptFor('bash')}\n${line}\n_sub2api_simple\nprintf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n')
}

describe('bash completes', () => {
  test('the verbs', async () => {
    expect(await complete('sub2api-simple', '')).toEqual(expect.arrayContaining(['serve', 'init', 'run', 'completion']))
    expect(await complete('sub2api-simple', 'comp')).toEqual(['completion'])
  })

  test('what an argument may be', async () => {
    expect(await complete('sub2api-simple', 'run', '')).toEqual(['claude', 'codex', 'gemini', 'opencode'])
    expect(await complete('sub2api-simple', 'env', 'o')).toEqual(['opencode', 'openai'])
  })

  test('the options of a verb, and the words for one', async () => {
    expect(await complete('sub2api-simple', 'check', '--')).toEqual(expect.arrayContaining(['--strict', '--json']))
    expect(await complete('sub2api-simple', 'env', 'claude', '--shell', '')).toEqual(['sh', 'fish', 'powershell'])
  })

  test('behind a config the same as without one', async () => {
    expect(await complete('sub2api-simple', '-c', 'x.json', 'run', 'g')).toEqual(['gemini'])
  })
})

test.each(['zsh', 'fish'])('the script for %s names every verb, and what an argument may be', async (shell) => {
  const script = await scriptFor(shell)
  for (const verb of ['serve', 'init', 'run', 'env', 'check', 'login', 'schema']) expect(script).toContain(verb)
  expect(script).toContain('claude codex gemini opencode openai anthropic')
})
