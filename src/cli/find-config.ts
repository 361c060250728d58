/**
 * Which config is meant when none is named: that of the working directory, else the user's own.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** What a test replaces. */
export interface ConfigPlaces {
  /** The text of a regular file; null when there is none, or it cannot be read. */
  readonly read: (path: string) => string | null
  readonly exists: (path: string) => boolean
  readonly userConfig: string
}

const NAMES = ['config.json', 'config.yaml', 'config.yml', 'config.jsonc'] as const
const LARGEST_BYTES = 2 * 1024 * 1024

/**
 * The first of these that reads like a relay's: many a project has a config.json of its own, and a client is mostly started
 * inside a project. When none does, the first that exists, so that an error names it; null when there is none at all.
 */
export function findConfig(places: ConfigPlaces = onDisk()): string | null {
  const candidates = [...NAMES, places.userConfig].filter((path) => places.exists(path))
  return findOurs(candidates, places) ?? candidates[0] ?? null
}

/**
 * As `findConfig`, but a file of the working directory that is something else's does not count: for verbs that would write a
 * config instead. What stands in the user's own place is ours, whatever it is.
 */
export function findOwnConfig(places: ConfigPlaces = onDisk()): string | null {
  return (
    findOurs([...NAMES, places.userConfig], places) ?? (places.exists(places.userConfig) ? places.userConfig : null)
  )
}

function findOurs(candidates: readonly string[], { read }: ConfigPlaces): string | null {
  return candidates.find((path) => /auth_tokens/i.test(read(path) ?? '')) ?? null
}

function onDisk(): ConfigPlaces {
  return { read: readRegularFile, exists: existsSync, userConfig: userConfigPath() }
}

/**
 * The user's own config, found from every directory: `~/.config/sub2api-simple/config.json`, or below `%APPDATA%` on Windows.
 * Source: XDG Base Directory Specification, which programs of the command line follow on macOS, too.
 */
export function userConfigPath(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const home = environment['HOME'] ?? homedir()
  const configured = environment[platform === 'win32' ? 'APPDATA' : 'XDG_CONFIG_HOME'] ?? ''
  return join(configured === '' ? join(home, '.config') : configured, 'sub2api-simple', 'config.json')
}

/** A pipe or a device would be emptied by looking at it. */
function readRegularFile(path: string): string | null {
  try {
    const found = statSync(path)
    return found.isFile() && found.size <= LARGEST_BYTES ? readFileSync(path, 'utf8') : null
  } catch {
    return null
  }
}
