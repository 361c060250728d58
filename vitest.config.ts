import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Nothing in src keeps state in a module, so test files may share one process: it is half the run time.
    isolate: false,
    // A small machine has two cores, and many tests wait for sockets and child processes.
    maxWorkers: 2,
    testTimeout: 15_000,
  },
})
