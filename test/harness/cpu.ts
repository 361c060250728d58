/**
 * CPU time of a stretch of code, which a busy machine does not stretch as it does wall time. For limits that only a cost
 * growing faster than its input can reach; what things cost is a benchmark's affair.
 */

/** Starts a clock; the returned function gives the milliseconds of CPU that this process has used since. */
export function startCpuClock(): () => number {
  const before = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
}
