/**
 * What a durable write needs of folders.
 */
import { lstat, mkdir, open } from 'node:fs/promises'

/** Makes a rename last through a loss of power. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    await folder.sync().finally(() => folder.close())
  } catch {
    // Windows has no such call, and some network disks refuse it: nothing better exists there.
  }
}

/** A folder of this user alone, created if need be; null when somebody else was there first. */
export async function openPrivateFolder(path: string): Promise<string | null> {
  await mkdir(path, { mode: 0o700 }).catch(() => {})
  // A link that somebody else has put there leads into a folder of theirs, or to a place of ours that is none of this.
  const found = await lstat(path).catch(() => null)
  if (found === null || !found.isDirectory()) return null
  const isOurs = process.getuid === undefined || (found.uid === process.getuid() && (found.mode & 0o077) === 0)
  return isOurs ? path : null
}
