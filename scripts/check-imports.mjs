/**
 * Holds src/ to scripts/import-rules.mjs: directions between floors, homes of packages and globals, no circles, no
 * state in modules. Prints `file:line: reason` for each breach and exits with 1 when there is one. The argument, if
 * any, is the folder that contains src/.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'rolldown/utils'
import { BROWSER_CODE, FLOORS, GLOBALS, HOMES, KNOWN_AS_TYPES, NODE_MODULES, VAGUE_NAMES } from './import-rules.mjs'

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const breaches = findBreaches(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)))
  for (const breach of breaches) console.log(breach)
  process.exitCode = breaches.length === 0 ? 0 : 1
}

/** In: the folder that contains src/. Out: one line per breach. */
export function findBreaches(root) {
  const files = readdirSync(join(root, 'src'), { recursive: true })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readSource(root, path.replaceAll(sep, '/')))
  const breaches = [...files.flatMap(checkFile), ...findCircles(files)]
  return breaches.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/** Everything the rules speak of, with the place `at` which it stands in the text. */
function readSource(root, path) {
  const text = readFileSync(join(root, 'src', path), 'utf8')
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`src/${path}: ${errors[0].message}`)
  const nodes = [...walk(program)]
  return {
    path,
    floor: path.includes('/') ? path.slice(0, path.indexOf('/')) : 'cli',
    place: (at) => `src/${path}:${text.slice(0, at).split('\n').length}`,
    imports: nodes.filter(({ node }) => node.source).map(({ node }) => readImport(path, node)),
    globals: nodes.map(({ node, parent }) => ({ at: node.start, name: nameOfGlobal(node, parent) })),
    variables: program.body.map((node) => node.declaration ?? node).filter((node) => /^(let|var)$/.test(node.kind)),
  }
}

function* walk(node, parent = null) {
  yield { node, parent }
  for (const child of Object.values(node).flat()) if (typeof child?.type === 'string') yield* walk(child, node)
}

/**
 * Static, dynamic and type imports as well as re-exports: all have a `source`. `target` is a file of ours, as a path
 * in src/; `module` is everything else: a package without its sub-path, a part of Node, a file outside of src/.
 */
function readImport(path, node) {
  // `import(variable)` would go unseen: it counts as a package that nobody knows.
  const from = node.source.value ?? 'a computed path'
  const isTypeOnly =
    [node.importKind, node.exportKind].includes('type') ||
    node.type === 'TSImportType' ||
    (node.specifiers?.length > 0 && node.specifiers.every((specifier) => specifier.importKind === 'type'))
  if (!from.startsWith('.')) {
    const module = from.startsWith('node:') ? from : from.split('/', from.startsWith('@') ? 2 : 1).join('/')
    return { at: node.start, module, target: null, isTypeOnly }
  }
  const target = posix.join(path, '..', from)
  return { at: node.start, module: target.startsWith('../') ? target : null, target, isTypeOnly }
}

/** `Date.now`, `setTimeout`, …; undefined for a node that names no global, such as the key of a property. */
function nameOfGlobal(node, parent) {
  if (node.type === 'NewExpression' && node.callee.name === 'Date' && node.arguments.length === 0) return 'new Date()'
  if (node.type === 'MemberExpression' && node.object.type === 'Identifier') {
    return node.object.name === 'globalThis' ? node.property.name : `${node.object.name}.${node.property.name}`
  }
  const isKey = !parent?.computed && [parent?.property, parent?.key, parent?.imported].includes(node)
  return node.type === 'Identifier' && !isKey && parent.type !== 'TSTypeQuery' ? node.name : undefined
}

function checkFile(file) {
  const breaches = []
  const report = (at, reason) => reason !== null && breaches.push(`${file.place(at)}: ${reason}`)
  if (file.floor !== 'cli' && !Object.hasOwn(FLOORS, file.floor)) report(0, `${file.floor}/ is no floor of the house`)
  const vague = VAGUE_NAMES.find((name) => file.path.split(/[/.]/).includes(name))
  if (vague !== undefined) report(0, `"${vague}" does not say what is inside`)
  for (const variable of file.variables) report(variable.start, `a module keeps no state: no ${variable.kind} out here`)
  for (const found of file.imports)
    report(found.at, found.module === null ? checkFloor(file, found) : checkModule(file, found))
  if (!isBrowserCode(file.path)) for (const { at, name } of file.globals) report(at, checkHome(file, name, GLOBALS))
  return breaches
}

/** The reason why `file` may not import another file of ours, or null. */
function checkFloor({ path, floor }, { target, isTypeOnly }) {
  if (isBrowserCode(path) || isBrowserCode(target)) return checkBrowserCode(path, target, isTypeOnly)
  if (floor === 'cli') return null
  const targetFloor = target.split('/')[0]
  if ([floor, 'core', ...(FLOORS[floor] ?? [])].includes(targetFloor)) return null
  if (!KNOWN_AS_TYPES[target]?.includes(floor)) return `${floor}/ may not import ${target}`
  return isTypeOnly ? null : `${floor}/ may import only types from ${target}`
}

function checkBrowserCode(path, target, isTypeOnly) {
  if (!isBrowserCode(path)) return `${target} runs in a browser`
  if (isBrowserCode(target)) return null
  if (!BROWSER_CODE.mayKnow.includes(target)) return `${BROWSER_CODE.folder} may not import ${target}`
  return isTypeOnly ? null : `${BROWSER_CODE.folder} may import only types from ${target}`
}

function isBrowserCode(path) {
  return path.startsWith(BROWSER_CODE.folder)
}

/** The reason why `file` may not import a package, a part of Node, or a file outside of src/; or null. */
function checkModule(file, { module }) {
  if (isBrowserCode(file.path)) return `${module} does not exist in a browser`
  if (Object.hasOwn(HOMES, module)) return checkHome(file, module, HOMES)
  if (!module.startsWith('node:')) return `${module} has no home in scripts/import-rules.mjs`
  const allowed = NODE_MODULES[file.floor]
  return allowed === undefined || allowed.includes(module) ? null : `${file.floor}/ may not import ${module}`
}

function checkHome({ path }, name, homes) {
  if (name === undefined || !Object.hasOwn(homes, name)) return null
  if (homes[name].some((home) => path === home || (home.endsWith('/') && path.startsWith(home)))) return null
  return `${name} belongs to ${homes[name].join(', ') || 'no file at all'}`
}

/** Type imports count: two files that need each other's types are one idea, or need a third. */
function findCircles(files) {
  const breaches = []
  const byPath = new Map(files.map((file) => [file.path, file]))
  const finished = new Set()
  const visit = (file, trail) => {
    for (const { at, target } of file.imports) {
      const start = trail.indexOf(target)
      if (start >= 0)
        breaches.push(`${file.place(at)}: imports in a circle: ${[...trail.slice(start), target].join(' > ')}`)
      else if (byPath.has(target) && !finished.has(target)) visit(byPath.get(target), [...trail, target])
    }
    finished.add(file.path)
  }
  for (const file of files) if (!finished.has(file.path)) visit(file, [file.path])
  return breaches
}
