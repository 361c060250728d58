/**
 * Loaded into a program before it starts (`--import`): for each line `name full` or `name young` on its standard input it
 * collects the heap or its young generation, and prints `name: ` and how many bytes the old generation then has in use.
 */
import { createInterface } from 'node:readline'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
/** What is young has grown old when it has outlived two collections; the third finds who hung on to that. */
const YOUNG_COLLECTIONS = 3

createInterface({ input: process.stdin }).on('line', (line) => {
  const [name, generation] = line.split(' ')
  if (generation === 'full') collect()
  else for (let i = 0; i < YOUNG_COLLECTIONS; i++) collect({ type: 'minor' })
  const { space_used_size: used } = getHeapSpaceStatistics().find(({ space_name: space }) => space === 'old_space')
  process.stdout.write(`${name}: ${used}\n`)
})
