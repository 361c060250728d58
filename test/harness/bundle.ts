/**
 * A TypeScript file and all that it imports as one file that Node can run, for tests that need a process of their own.
 */

const script = new URL('../../scripts/bundle-for-node.mjs', import.meta.url)

/** `source` is relative to the repository. Resolves to the path of the file that was written into `folder`. */
export const { bundleForNode } = (await import(script.href)) as {
  bundleForNode: (source: string, folder: string) => Promise<string>
}
