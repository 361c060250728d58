/**
 * Makes one file that Node can run of a TypeScript file and all it imports: for scripts, and for tests that need a process
 * of their own.
 */
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { bundlePage } from './bundle-page.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** `source` is relative to the repository. Resolves to the path of the file that was written into `folder`. */
export async function bundleForNode(source, folder) {
  const file = join(folder, basename(source).replace(/\.ts$/, '.mjs'))
  await build({
    cwd: root,
    input: source,
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    plugins: [bundlePage()],
    external: /^node:/,
    logLevel: 'silent',
    output: { file, format: 'esm', codeSplitting: false },
  })
  return file
}
