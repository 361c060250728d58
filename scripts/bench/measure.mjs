/**
 * What the operating system knows of a process: CPU time and memory, read from /proc. The process itself is not asked, so
 * nothing of the measuring is measured.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

export const canMeasure = existsSync('/proc/self/stat')

/** CPU time of all threads since the process began, user and system, in ms. Steps of one tick, usually 10 ms. */
export function cpuMs(pid) {
  // The name in the second field may hold spaces and brackets; what follows its last bracket is plain.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return (ticks * 1000) / ticksPerSecond()
}

/** Resident memory in bytes. */
export function rssBytes(pid) {
  const kilobytes = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

/** The programs that a run needs from the system; null for those that are missing. */
export function findPrograms() {
  return { nginx: find('nginx'), wrk: find('wrk'), taskset: availableParallelism() > 1 ? find('taskset') : null }
}

function find(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? null
}

let knownTicks = null
function ticksPerSecond() {
  knownTicks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return knownTicks
}
