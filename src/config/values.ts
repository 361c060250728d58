/**
 * Checks the values of a config against its shape and fills in the defaults.
 */
import * as v from 'valibot'
import type { Path, Report } from './report.ts'
import { ConfigShape, type ConfigInput } from './schema.ts'

/** In: what `keys.ts` read. Out: the config with every default filled in, or null when something in it is wrong. */
export function checkValues(data: unknown, report: Report): ConfigInput | null {
  const result = v.safeParse(ConfigShape, data)
  if (result.success) return result.output
  // Keys that are missing have been told already, together with what was written instead.
  for (const { path, message } of result.issues.filter((issue) => !isMissingKey(issue)).flatMap(furthest)) {
    const [sentence = '', advice] = message.split('\n')
    report.error(path, sentence, advice)
  }
  return null
}

type Issue = v.BaseIssue<unknown>

interface Finding {
  readonly path: Path
  readonly message: string
}

/** Where a value may take several forms, the form that came further than the value itself tells best what is wrong. */
function furthest(issue: Issue): Finding[] {
  const path = pathOf(issue)
  const inside = (issue.issues ?? [])
    .filter((each) => !isMissingKey(each))
    .flatMap(furthest)
    .filter((each) => each.path.length > 0)
  if (inside.length === 0) return [{ path, message: issue.message }]
  return inside.map((each) => ({ path: [...path, ...each.path], message: each.message }))
}

function isMissingKey(issue: Issue): boolean {
  return issue.type === 'object' && issue.received === 'undefined'
}

function pathOf(issue: Issue): Path {
  return (issue.path ?? []).map(({ key }) => key as string | number)
}
