/**
 * Bundles src/cli.ts and every library it uses into dist/, so that the published package has no runtime dependencies.
 * dist/ mirrors src/: one chunk per floor, one per verb, one per library; a verb loads only the chunks it needs.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { minify } from 'rolldown/utils'
import { bundlePage } from './bundle-page.mjs'
import { collectLicenses, libraryOf } from './collect-licenses.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const sourceFolder = join(root, 'src') + sep
/** A part of its data is in src/usage/price-table.ts. */
const PRICES = fileURLToPath(import.meta.resolve('@pydantic/genai-prices'))

try {
  await build(join(root, 'dist'))
} catch (error) {
  // The bundler's message shows the place in the source; its stack shows only the bundler.
  console.error(error.errors === undefined ? error : error.message)
  process.exitCode = 1
}

async function build(target) {
  const startedAt = new Date()
  const chunks = await bundle()
  // The last folder is called dist because git ignores that name: what a crash leaves behind stays out of commits.
  const workshop = mkdtempSync(join(root, '.build-'))
  const fresh = join(workshop, 'fresh', 'dist')
  try {
    for (const chunk of chunks) write(join(fresh, chunk.fileName), await shrink(chunk))
    write(
      join(fresh, 'THIRD-PARTY-LICENSES.txt'),
      collectLicenses([...chunks.flatMap((chunk) => chunk.moduleIds), PRICES]),
    )
    // The age of the sources it was made from: a file that is saved while we bundle must count as newer.
    utimesSync(join(fresh, 'cli.js'), startedAt, startedAt)
    replaceFolder(target, fresh)
  } finally {
    rmSync(workshop, { recursive: true, force: true })
  }
}

/** Chunks in memory. Throws on an import that is neither a Node builtin nor bundled, and on any other warning. */
async function bundle() {
  const bundler = await rolldown({
    cwd: root,
    input: { cli: 'src/cli.ts' },
    platform: 'node',
    transform: { target: 'node20.18' },
    // A library's ESM where it has one: only that can be tree-shaken. The "browser" build is never wanted.
    resolve: { mainFields: ['module', 'main'] },
    // The prefix counts too: undici asks for `node:sqlite`, which the building Node may not know.
    external: (id) => id.startsWith('node:') || isBuiltin(id),
    preserveEntrySignatures: false,
    plugins: [bundlePage(), parserOnce()],
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message)
    },
  })
  const { output } = await bundler.generate({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: (chunk) => `${nameOfLazyChunk(chunk.facadeModuleId) ?? chunk.name}.js`,
    // Chunks import each other's functions by their own names, not by letters.
    minifyInternalExports: false,
    // No source maps: they would double the package. Our chunks stay unminified instead, every file under its name.
    sourcemap: false,
    comments: false,
    codeSplitting: {
      // Floors import each other downwards only (scripts/check-imports.mjs), so chunks never form a circle.
      includeDependenciesRecursively: false,
      groups: [
        { debugName: 'libraries', name: nameOfLibrary, priority: 1 },
        { debugName: 'floors', name: nameOfFloor },
      ],
    },
  })
  await bundler.close()
  return output
}

/** `npm/undici`, `npm/hono-node-server`; null for our own modules. */
function nameOfLibrary(moduleId) {
  const library = libraryOf(moduleId ?? '')
  return library === null ? null : `npm/${library.name.replace('@', '').replace('/', '-')}`
}

/** `cli/serve` for a verb, `lazy/fzstd` for a library that is imported on demand; null for all other chunks. */
function nameOfLazyChunk(entryId) {
  return pathInSource(entryId) ?? nameOfLibrary(entryId)?.replace('npm/', 'lazy/') ?? null
}

/** `core`, `relay`, …; null for cli.ts and for what is loaded on its own: the verbs, the status page. */
function nameOfFloor(moduleId) {
  if (moduleId === join(root, 'package.json')) return 'core'
  const path = pathInSource(moduleId) ?? ''
  const [floor, file] = path.split('/')
  return file === undefined || floor === 'cli' || path.startsWith('http/page/') ? null : floor
}

/** `cli/serve` for src/cli/serve.ts, `http/page/page` for src/http/page/page.html; null for modules that are not ours. */
function pathInSource(moduleId) {
  if (!moduleId?.startsWith(sourceFolder)) return null
  return relative(sourceFolder, moduleId)
    .replace(/\.(ts|html)$/, '')
    .replaceAll(sep, '/')
}

/**
 * All chunks lose the names of their local variables, libraries also their white space (60 kB of the package together),
 * but none those of functions and classes: whoever reads a stack trace or looks at `constructor.name` finds what the
 * authors wrote. Our own lines stay, because Node shows the line that an error was thrown on.
 */
async function shrink({ fileName, code }) {
  const result = await minify(fileName, code, {
    module: true,
    compress: false,
    mangle: { toplevel: false, keepNames: { function: true, class: true } },
    codegen: { removeWhitespace: fileName.startsWith('npm/') },
  })
  if (result.errors.length > 0) throw new Error(`${fileName}: ${result.errors[0].message}`)
  return result.code
}

/**
 * undici brings its parser along twice, 24 kB each: the second one is for processors without vector instructions, which
 * are older than 2008. The first one takes its place.
 */
function parserOnce() {
  return {
    name: 'parser-once',
    load: {
      filter: { id: /undici[\\/]lib[\\/]llhttp[\\/]llhttp-wasm\.js$/ },
      handler: () => "module.exports = require('./llhttp_simd-wasm.js')",
    },
  }
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/**
 * Puts the folder `fresh` where `target` is. A folder cannot be renamed over another one, so the old one steps aside
 * first; when another build takes the free place, it has to step aside as well.
 */
function replaceFolder(target, fresh) {
  for (let attempt = 1; ; attempt++) {
    try {
      if (existsSync(target)) renameSync(target, join(dirname(fresh), `replaced-${attempt}`))
      renameSync(fresh, target)
      return
    } catch (error) {
      if (attempt === 5) throw error
    }
  }
}
