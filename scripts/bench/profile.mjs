/**
 * The few functions that most of a CPU profile was spent in.
 */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

const FRAMES = 10

/** Lines of `share  function  place`, by self time, idle time left out. The file is what `node --cpu-prof` writes. */
export function topFrames(file) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'))
  const nodeOf = new Map(nodes.map((node) => [node.id, node]))
  const selfMicros = new Map()
  let busyMicros = 0
  for (const [index, id] of samples.entries()) {
    const { functionName, url, lineNumber } = nodeOf.get(id).callFrame
    if (functionName === '(idle)') continue
    const place = url === '' ? '' : `${basename(url)}:${lineNumber + 1}`
    const frame = `${(functionName || '(anonymous)').padEnd(28)} ${place}`.trimEnd()
    selfMicros.set(frame, (selfMicros.get(frame) ?? 0) + timeDeltas[index])
    busyMicros += timeDeltas[index]
  }
  const ordered = [...selfMicros].toSorted(([, a], [, b]) => b - a).slice(0, FRAMES)
  return ordered.map(([frame, micros]) => `${((100 * micros) / busyMicros).toFixed(1).padStart(5)} %  ${frame}`)
}
