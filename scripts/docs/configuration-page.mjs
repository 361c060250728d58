/**
 * docs/configuration.md, made of the JSON Schema of the config file, which is made of the shape that checks it: the page
 * cannot tell anything else than the program does.
 */

const INTRODUCTION = `# The config file

One file, JSON (comments and trailing commas are welcome) or YAML, told apart by its name and content. Every key but
\`auth_tokens\` and \`accounts\` has a default that is right for one person on a laptop. Keys match whatever their case; keys
that begin with \`_\` are comments; an unknown key is a warning with its line, its column and the key that was perhaps meant.
\`sub2api-simple check\` tells what is wrong with a file, and an editor completes the keys when the file names its schema:

\`\`\`json
{
  "$schema": "./docs/config.schema.json",
  "auth_tokens": ["sk-example-change-me"],
  "accounts": [{ "platform": "anthropic", "api_key": "\${ANTHROPIC_API_KEY}" }]
}
\`\`\`

This page is made of the schema (\`npm run docs\`); what stands here is what the program reads.

- A **duration** is text like \`"90s"\`, \`"5m"\`, \`"1h30m"\`, or a whole number of seconds.
- A **size** is text like \`"64MiB"\`, or a whole number of bytes.
- A **secret** is text, text with \`\${NAME}\` for a variable of the environment, or one of \`{"env": "NAME"}\`,
  \`{"file": "path"}\` and \`{"command": ["op", "read", "…"]}\`. A secret that cannot be had puts its account aside, with the
  reason; the program starts without it.
- A **pattern** is a name in which \`*\` stands for any letters. The most specific pattern that fits is the one that counts.
`

const ACCOUNTS = `
What serves: \`accounts\` is a list of these.
`

const TOKENS = `
Who may ask: \`auth_tokens\` is a list of tokens. A token without limits is plain text; with limits it is an object.
`

/** In: the JSON Schema as an object. Out: the page. */
export function createConfigurationPage({ properties, required, $defs }) {
  return [
    INTRODUCTION,
    '## Top level\n',
    table(properties, required),
    `## An account\n${ACCOUNTS}`,
    table($defs.account.properties, $defs.account.required),
    `## A token\n${TOKENS}`,
    table($defs.token.properties, $defs.token.required),
  ].join('\n')
}

function table(properties, required) {
  const rows = Object.entries(properties).flatMap(([key, shape]) => rowsOf(key, shape, required.includes(key)))
  return `| key | value | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`
}

/** One row for the key, and one for each key that an object of it always has. */
function rowsOf(key, shape, isRequired) {
  const fallback = isRequired ? 'required' : defaultOf(shape)
  const row = `| \`${key}\` | ${kindOf(key, shape)} | ${fallback} | ${escape(shape.description)} |`
  const inner = Object.entries(shape.properties ?? {})
  return [row, ...inner.flatMap(([name, each]) => rowsOf(`${key}.${name}`, each, false))]
}

function defaultOf({ default: value }) {
  if (value === undefined || typeof value === 'object') return ''
  return `\`${value}\``
}

function kindOf(key, shape) {
  const { type, enum: words, const: only, anyOf = [], items, format } = shape
  if (only !== undefined) return `\`${only}\``
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(', ')
  if (anyOf.some(({ $ref }) => $ref === '#/$defs/variable')) return 'secret'
  if (anyOf.length === 2 && anyOf[1].type === 'integer') return key.endsWith('size') ? 'size' : 'duration'
  if (anyOf[0]?.enum !== undefined) return kindOf(key, anyOf[0])
  switch (type) {
    case 'array':
      return items.type === 'string' ? 'list of text' : `list of ${key === 'accounts' ? 'accounts' : 'tokens'}`
    case 'object':
      return kindOfObject(shape)
    case 'integer':
      return 'whole number'
    case 'boolean':
      return '`true`, `false`'
    default:
      return { string: format === 'date-time' ? 'time' : 'text' }[type] ?? type
  }
}

function kindOfObject({ additionalProperties, properties }) {
  if (properties !== undefined) return 'object'
  if (additionalProperties.anyOf !== undefined) return 'pattern: name, or list of names'
  switch (additionalProperties.type) {
    case 'string':
      return 'name: text'
    case 'object':
      return 'pattern: object'
    default:
      return 'object'
  }
}

function escape(text) {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;')
}
