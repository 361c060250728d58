import { defineConfig, type ViteUserConfig } from 'vitest/config'

const { bundlePage } = (await import(new URL('scripts/bundle-page.mjs', import.meta.url).href)) as {
  bundlePage: () => NonNullable<ViteUserConfig['plugins']>[number]
}

export default defineConfig({
  plugins: [bundlePage()],
  test: {
    include: ['test/**/*.test.ts'],
    // Nothing in src keeps state in a module, so test files may share one process: it is half the run time.
    isolate: false,
    // A small machine has two cores, and many tests wait for sockets and child processes.
    maxWorkers: 2,
    testTimeout: 15_000,
  },
})
