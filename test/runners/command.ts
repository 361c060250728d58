/**
 * What every runner's command line shares.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface RunnerOutput {
  /** How it is going: the newest line replaces the one before. */
  readonly progress: (line: string) => void
  /** What stays. */
  readonly say: (line: string) => void
  readonly bundleForNode: (source: string, folder: string) => Promise<string>
}

/** Options with a number each, and their defaults; `--cli` names the build to run. Throws on anything else. */
export function readOptions<Name extends string>(
  args: readonly string[],
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> & { cli: string } {
  const names = Object.keys(defaults) as Name[]
  const { values } = parseArgs({
    args: [...args],
    options: {
      cli: { type: 'string' },
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' }] as const)),
    },
  })
  const numbers = Object.fromEntries(
    names.map((name) => {
      const text = (values as Record<string, string | undefined>)[name]
      const value = text === undefined ? defaults[name] : Number(text)
      if (!(value >= 0)) throw new Error(`--${name} takes a number, not "${text}"`)
      return [name, value]
    }),
  ) as Record<Name, number>
  return { ...numbers, cli: resolve(values.cli ?? 'dist/cli.js') }
}
