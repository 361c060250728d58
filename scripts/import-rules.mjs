/**
 * The architecture as data: which floor of src/ may import which, and the few files where packages, time, chance and
 * the environment may come in. scripts/check-imports.mjs holds the sources to it.
 */

/** What a floor may import besides itself and core. `cli` puts everything together and may import all. */
export const FLOORS = {
  core: [],
  config: [],
  protocols: [],
  strategies: [],
  limits: [],
  oauth: [],
  io: [],
  providers: ['protocols'],
  usage: ['protocols'],
  pool: ['strategies', 'limits'],
  relay: ['pool', 'providers', 'protocols', 'oauth', 'io', 'usage'],
  http: ['relay', 'pool', 'limits', 'providers', 'protocols', 'usage'],
}

/** Files that more floors may know, but only their types: the code behind them comes in as an argument. */
export const KNOWN_AS_TYPES = {
  'config/config.ts': ['http', 'relay', 'pool'],
  'io/log.ts': ['http', 'oauth'],
  'io/upstream.ts': ['oauth'],
  'io/serve.ts': ['oauth'],
  'oauth/login.ts': ['http'],
  'oauth/tokens.ts': ['http'],
}

/** The Node modules of the floors that should not reach far; the other floors may use all of Node. */
export const NODE_MODULES = {
  core: ['node:buffer', 'node:crypto'],
  protocols: ['node:buffer'],
  providers: ['node:buffer'],
  strategies: ['node:buffer'],
  limits: ['node:buffer'],
  pool: ['node:buffer', 'node:crypto'],
  relay: ['node:buffer', 'node:crypto', 'node:http', 'node:stream', 'node:zlib'],
}

/** The scripts of the status page run in a browser: nothing of ours is theirs but types, and all globals are others. */
export const BROWSER_CODE = { folder: 'http/page/browser/', mayKnow: ['http/views.ts'] }

const COMMAND_LINE = ['cli.ts', 'cli/']
const DISK = [...COMMAND_LINE, 'config/', 'usage/journal.ts', 'usage/read-journal.ts', 'io/debug-log.ts']
const CLOCK = [...COMMAND_LINE, 'core/clock.ts']
const ENVIRONMENT = [...COMMAND_LINE, 'config/']

/**
 * Where a module may be imported: files, and folders with a slash. A package that is not listed may be nowhere; a part
 * of Node that is not listed follows NODE_MODULES.
 */
export const HOMES = {
  'node:fs': DISK,
  'node:fs/promises': DISK,
  'node:timers': CLOCK,
  'node:timers/promises': CLOCK,
  'node:perf_hooks': CLOCK,
  'node:process': ENVIRONMENT,
  '../package.json': [...COMMAND_LINE, 'core/version.ts'],
  '@hono/node-server': ['http/', 'io/serve.ts'],
  '@valibot/to-json-schema': ['config/', 'cli/schema.ts'],
  commander: COMMAND_LINE,
  fzstd: ['http/'],
  hono: ['http/'],
  'openid-client': ['oauth/openai.ts'],
  undici: ['io/upstream.ts', 'io/undici-parts.d.ts'],
  valibot: ['config/', 'cli/schema.ts'],
  yaml: ['config/', 'cli/schema.ts', 'cli/import.ts'],
}

/** Where a global may be used. `fetch` nowhere: it would pass by the accounts' proxies and timeouts. */
export const GLOBALS = {
  'Date.now': CLOCK,
  'new Date()': CLOCK,
  'performance.now': CLOCK,
  'Math.random': CLOCK,
  setTimeout: CLOCK,
  setInterval: CLOCK,
  'process.env': ENVIRONMENT,
  'process.exit': ['cli.ts'],
  fetch: [],
}

/** Names that say nothing, and so end up holding everything. */
export const VAGUE_NAMES = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'manager']
