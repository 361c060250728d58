/**
 * Where a config may lie when a process that writes it is killed: the grounds of the kill tests.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type Ground = 'plain file' | 'symbolic link' | 'bind mount'

export interface KillGround {
  /** What the victim is told. */
  readonly path: string
  /** Where the bytes are. */
  readonly target: string
  /** Files beside the config that are no lock of a dead process. */
  readonly litter: () => string[]
  readonly remove: () => void
}

/** Null when the ground cannot be had: a bind mount needs the right to mount. */
export function prepareGround(ground: Ground): KillGround | null {
  const folder = mkdtempSync(join(tmpdir(), 'kills-'))
  const home = join(folder, 'home')
  mkdirSync(home)
  const target = join(home, 'config.jsonc')
  writeFileSync(target, '{}')
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  switch (ground) {
    case 'plain file':
      return { path: target, target, litter: () => litterBeside(target), remove }
    case 'symbolic link': {
      const path = join(folder, 'link.jsonc')
      symlinkSync(target, path)
      return { path, target, litter: () => litterBeside(target), remove }
    }
    case 'bind mount': {
      const path = join(folder, 'mounted', 'config.jsonc')
      mkdirSync(dirname(path))
      writeFileSync(path, '')
      if (spawnSync('mount', ['--bind', target, path], { stdio: 'ignore' }).status !== 0) {
        remove()
        return null
      }
      const unmount = (): void => void spawnSync('umount', [path], { stdio: 'ignore' })
      return { path, target: path, litter: () => litterBeside(path), remove: () => (unmount(), remove()) }
    }
  }
}

function litterBeside(config: string): string[] {
  return readdirSync(dirname(config)).filter((name) => name !== 'config.jsonc' && !/\.lock(\.stale)?$/.test(name))
}
