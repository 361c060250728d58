/**
 * The licence texts that a bundle owes to the authors of the code in it, found through the modules it was made of.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/**
 * In: absolute paths of all bundled modules. Out: one text with the licence files of their npm packages, and of parts
 * those took from others (a licence file in a folder on the way to a bundled module). Throws when a package has none.
 */
export function collectLicenses(moduleIds) {
  const sections = new Map()
  for (const moduleId of moduleIds) {
    const library = libraryOf(moduleId)
    if (library === null) continue
    const { version } = JSON.parse(readFileSync(join(library.folder, 'package.json'), 'utf8'))
    const files = licensesBetween(library.folder, dirname(moduleId))
    if (!files.some((file) => dirname(file) === library.folder)) throw new Error(`${library.name} has no licence file`)
    for (const file of files) {
      const title = `${library.name} ${version}: ${relative(library.folder, file)}`
      sections.set(title, `${title}\n\n${readFileSync(file, 'utf8').trim()}\n`)
    }
  }
  const inOrder = [...sections].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text)
  return `sub2api-simple contains code of these packages.\n\n${inOrder.join(`\n${'-'.repeat(80)}\n\n`)}`
}

/** Name and folder of the npm package a module belongs to; null for a module of our own. */
export function libraryOf(moduleId) {
  // Greedy, so that a package nested in another one's node_modules is told by its own name.
  const match = /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(moduleId)
  return match === null ? null : { folder: match[0], name: match[1].replace('\\', '/') }
}

function licensesBetween(top, folder) {
  const here = readdirSync(folder)
    .filter((name) => /^(licen[cs]e|notice|copying)\b/i.test(name))
    .map((name) => join(folder, name))
  return folder === top ? here : [...licensesBetween(top, dirname(folder)), ...here]
}
