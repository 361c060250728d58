/**
 * The journal of a write in place: the content before and after, on disk before the file itself is touched. It stands
 * beside the file or, where that folder cannot be written, in a folder of the user's own.
 */
import { createHash } from 'node:crypto'
import { open, readFile, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from './folder.ts'

/** Where journals and locks may stand besides the folder of the file itself: absolute, of this user alone; or null. */
export interface JournalPlaces {
  readonly privateFolder: string | null
}

export interface Journal {
  readonly before: Buffer
  readonly after: Buffer
  readonly remove: () => Promise<void>
}

/** The paths at which a file beside `target` (or standing in for one) may be, best first. */
export function placesFor(target: string, ending: string, { privateFolder }: JournalPlaces): string[] {
  const beside = join(dirname(target), `.${basename(target)}.${ending}`)
  const name = `${createHash('sha256').update(target).digest('hex').slice(0, 16)}.${ending}`
  return privateFolder === null ? [beside] : [beside, join(privateFolder, name)]
}

/** Resolves when the journal is on disk, to the function that removes it. Rejects when it has no place. */
export async function writeJournal(
  target: string,
  before: Buffer,
  after: Buffer,
  places: JournalPlaces,
): Promise<() => Promise<void>> {
  const text = encodeJournal(before, after)
  let failure: unknown = null
  for (const path of placesFor(target, 'journal', places)) {
    try {
      await writeWhole(path, text)
      return () => unlink(path)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

/** The complete journals of a file. An incomplete one was cut off before the file was touched, and is removed. */
export async function readJournals(target: string, places: JournalPlaces): Promise<Journal[]> {
  const journals: Journal[] = []
  for (const path of placesFor(target, 'journal', places)) {
    // The journal of somebody who died while writing it.
    await unlink(`${path}.tmp`).catch(() => {})
    const text = await readFile(path, 'utf8').catch(() => null)
    if (text === null) continue
    const remove = (): Promise<void> => unlink(path).catch(() => {})
    const journal = decodeJournal(text)
    if (journal === null) await remove()
    else journals.push({ ...journal, remove })
  }
  return journals
}

/** A digest, then both contents: whoever reads it can tell whether it is whole. */
function encodeJournal(before: Buffer, after: Buffer): string {
  const contents = JSON.stringify({ before: before.toString('base64'), after: after.toString('base64') })
  return `${digestOf(contents)}\n${contents}`
}

function decodeJournal(text: string): { before: Buffer; after: Buffer } | null {
  const [digest, contents = ''] = text.split('\n', 2)
  if (digest !== digestOf(contents)) return null
  const { before, after } = JSON.parse(contents) as { before: string; after: string }
  return { before: Buffer.from(before, 'base64'), after: Buffer.from(after, 'base64') }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const temp = `${path}.tmp`
  await unlink(temp).catch(() => {})
  const file = await open(temp, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    await file.close()
    await unlink(temp).catch(() => {})
    throw error
  }
  await file.close()
  await rename(temp, path)
  await syncFolder(dirname(path))
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
