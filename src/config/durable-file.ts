/**
 * Replaces a file so that, whenever the process or the machine dies, the old or the new content is there to be read.
 *
 * The way is temp file, fsync, rename, fsync of the folder. Where a name cannot be renamed over (a single file mounted
 * into a container: EBUSY; a file of another owner) the content is written in place under a journal.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, open, readFile, readdir, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from './folder.ts'
import { type JournalPlaces, readJournals, writeJournal } from './journal.ts'

/** The steps of a write, in order; a test may end the process at any of them. */
export type WriteStep =
  | 'answer-written'
  | 'started'
  | 'temp-created'
  | 'temp-part-written'
  | 'temp-written'
  | 'temp-synced'
  | 'renamed'
  | 'journal-written'
  | 'part-written-in-place'
  | 'written-in-place'
  | 'synced-in-place'
  | 'journal-removed'
  | 'done'

export type Checkpoint = (step: WriteStep) => void

/** Why a rename or a temp file is out of the question here, although the file itself may be writable. */
const IN_PLACE_CODES: ReadonlySet<string> = new Set(['EBUSY', 'EXDEV', 'EPERM', 'EACCES', 'EROFS', 'OWNER', 'LINKED'])

/** Small enough that a write has a middle in which a test can strike. */
const PIECE_BYTES = 4096

/**
 * `path` may be a symbolic link, whose target changes; a file that does not exist is created for its owner alone.
 * Mode and owner of an existing file stay. The caller holds the write lock. Rejects with the system's error, and then
 * the old content is intact.
 */
export async function replaceFile(
  path: string,
  content: Buffer,
  places: JournalPlaces,
  checkpoint: Checkpoint = () => {},
): Promise<void> {
  checkpoint('started')
  const target = await realpath(path).catch(() => path)
  const before = await readFile(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (before === null || !before.equals(content)) await replaceWhole(target, before, content, places, checkpoint)
  checkpoint('done')
}

/**
 * Ends what an interrupted write has begun: finishes a complete temp file or journal, throws away an incomplete one.
 * Returns the journals whose file somebody has changed since, for the caller to merge. The caller holds the write lock.
 */
export async function recoverFile(
  path: string,
  places: JournalPlaces,
): Promise<Array<{ before: Buffer; after: Buffer }>> {
  const target = await realpath(path).catch(() => path)
  const overtaken: Array<{ before: Buffer; after: Buffer }> = []
  for (const { before, after, remove } of await readJournals(target, places)) {
    const current = await readFile(target)
    if (isTornWrite(current, before, after)) await writeInPlace(target, after, () => {})
    else if (!current.equals(after)) overtaken.push({ before, after })
    await remove()
  }
  await finishTempFiles(target, places)
  return overtaken
}

async function replaceWhole(
  target: string,
  before: Buffer | null,
  content: Buffer,
  places: JournalPlaces,
  checkpoint: Checkpoint,
): Promise<void> {
  try {
    await replaceByRename(target, before, content, checkpoint)
  } catch (error) {
    if (before === null || !IN_PLACE_CODES.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    await replaceInPlace(target, before, content, places, checkpoint)
  }
}

async function replaceByRename(
  target: string,
  before: Buffer | null,
  content: Buffer,
  checkpoint: Checkpoint,
): Promise<void> {
  const present = before === null ? null : await stat(target)
  // A rename would cut a hard link.
  if (present !== null && present.nlink > 1) throw codedError('LINKED')
  const temp = join(dirname(target), tempName(target, before, content))
  await unlink(temp).catch(() => {})
  // `wx` refuses to follow a link that somebody has put there.
  const file = await open(temp, 'wx', 0o600)
  try {
    checkpoint('temp-created')
    await writePieces(file, content, () => checkpoint('temp-part-written'))
    if (present !== null) await keepOwnerAndMode(file, present)
    checkpoint('temp-written')
    await file.sync()
    await file.close()
    checkpoint('temp-synced')
    await rename(temp, target)
  } catch (error) {
    await file.close().catch(() => {})
    await unlink(temp).catch(() => {})
    throw error
  }
  checkpoint('renamed')
  await syncFolder(dirname(target))
}

async function keepOwnerAndMode(file: FileHandle, present: Awaited<ReturnType<typeof stat>>): Promise<void> {
  const own = await file.stat()
  if (own.uid !== present.uid || own.gid !== present.gid) {
    await file.chown(Number(present.uid), Number(present.gid)).catch(() => {
      throw codedError('OWNER')
    })
  }
  await file.chmod(Number(present.mode) & 0o7777)
}

async function replaceInPlace(
  target: string,
  before: Buffer,
  content: Buffer,
  places: JournalPlaces,
  checkpoint: Checkpoint,
): Promise<void> {
  // A file that cannot be opened for writing needs no journal.
  await (await open(target, 'r+')).close()
  const removeJournal = await writeJournal(target, before, content, places)
  checkpoint('journal-written')
  try {
    await writeInPlace(target, content, checkpoint)
  } catch (error) {
    // A full disk: put back what stood there; if even that fails the journal stays for the next start.
    await writeInPlace(target, before, () => {}).then(removeJournal)
    throw error
  }
  await removeJournal()
  checkpoint('journal-removed')
}

async function writeInPlace(target: string, content: Buffer, checkpoint: Checkpoint): Promise<void> {
  const file = await open(target, 'r+')
  try {
    await writePieces(file, content, () => checkpoint('part-written-in-place'))
    await file.truncate(content.length)
    checkpoint('written-in-place')
    await file.sync()
    checkpoint('synced-in-place')
  } finally {
    await file.close()
  }
}

async function writePieces(file: FileHandle, content: Buffer, between: () => void): Promise<void> {
  for (let position = 0; position < content.length;) {
    const length = Math.min(PIECE_BYTES, content.length - position)
    position += (await file.write(content, position, length, position)).bytesWritten
    if (position < content.length) between()
  }
}

/** True for what a write in place leaves when it is cut off: the new content up to some byte, then the old. */
export function isTornWrite(current: Buffer, before: Buffer, after: Buffer): boolean {
  let shared = 0
  while (shared < Math.min(current.length, after.length) && current[shared] === after[shared]) shared++
  return !current.equals(after) && current.subarray(shared).equals(before.subarray(shared))
}

/** Name of a temp file: it tells which content it replaces and when it is complete. */
function tempName(target: string, before: Buffer | null, content: Buffer): string {
  return `.${basename(target)}.${before === null ? 'new' : shortDigest(before)}.${shortDigest(content)}.tmp`
}

/** A complete temp file whose rename did not come about any more is as good as a write; the others are waste. */
async function finishTempFiles(target: string, places: JournalPlaces): Promise<void> {
  const folder = dirname(target)
  const pattern = new RegExp(`^\\.${escape(basename(target))}\\.([0-9a-f]{16}|new)\\.([0-9a-f]{16})\\.tmp$`)
  for (const name of await readdir(folder).catch(() => [])) {
    const [, replaces, holds] = pattern.exec(name) ?? []
    if (replaces === undefined) continue
    const temp = join(folder, name)
    const content = await readFile(temp)
    const current = await readFile(target).catch(() => null)
    const isMeant = (current === null ? 'new' : shortDigest(current)) === replaces && shortDigest(content) === holds
    if (isMeant) await replaceWhole(target, current, content, places, () => {})
    await unlink(temp).catch(() => {})
  }
}

function shortDigest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16)
}

function escape(text: string): string {
  return text.replaceAll(/[^\w]/g, '\\$&')
}

function codedError(code: string): Error {
  return Object.assign(new Error(code), { code })
}
