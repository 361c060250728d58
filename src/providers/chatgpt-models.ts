/**
 * The names of models at the ChatGPT backend. It takes the current names alone, while clients and older configs say others.
 */

/** Names worth listing. */
export const CHATGPT_MODELS: readonly string[] = [
  'gpt-6.1-sol',
  'gpt-5.5',
  'gpt-5.4',
  'gpt-5.3-codex',
  'gpt-5.2',
  'gpt-5.2-codex',
  'gpt-5.1',
  'gpt-5.1-codex',
  'gpt-5.1-codex-max',
  'gpt-5.1-codex-mini',
]

/** Source: the Go program's table; the suffix of an effort names no model of its own. */
const CANONICAL_NAMES: ReadonlyMap<string, string> = new Map([
  ['gpt-5.3', 'gpt-5.3-codex'],
  ['gpt-5.3-none', 'gpt-5.3-codex'],
  ['gpt-5.3-low', 'gpt-5.3-codex'],
  ['gpt-5.3-medium', 'gpt-5.3-codex'],
  ['gpt-5.3-high', 'gpt-5.3-codex'],
  ['gpt-5', 'gpt-5.1'],
  ['gpt-5-codex', 'gpt-5.1-codex'],
  ['gpt-5-codex-mini', 'gpt-5.1-codex-mini'],
  ['codex-mini-latest', 'gpt-5.1-codex-mini'],
  ...CHATGPT_MODELS.map((name) => [name, name] as const),
])

/** The backend's name for a model, found by what stands behind the last slash; a name it does not know stays whole. */
export function canonicalModel(model: string): string {
  const bare = model.slice(model.lastIndexOf('/') + 1)
  return CANONICAL_NAMES.get(bare) ?? CANONICAL_NAMES.get(bare.toLowerCase()) ?? model
}
