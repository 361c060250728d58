/**
 * The shape of the config file: every key with its kind, its default, and the sentence an editor shows for it. The
 * reader of keys, the check of values and the published JSON Schema all follow this one description.
 */
import * as v from 'valibot'
import { PLATFORM_NAMES } from '../core/platforms.ts'
import {
  amount,
  choice,
  duration,
  flag,
  forgivingNumber,
  list,
  mapOf,
  mapping,
  modelMap,
  payload,
  percentage,
  secret,
  size,
  text,
  textList,
  traits,
  wholeNumber,
} from './fields.ts'
import { HOW_TO_MAKE_ONE } from './token-advice.ts'

export type ConfigInput = v.InferOutput<typeof ConfigShape>
export type AccountInput = v.InferOutput<typeof AccountShape>
export type TokenInput = v.InferOutput<typeof TokenShape>
export type SecretInput = AccountInput['api_key'] & {}

const DATE_TIME = 'must be a time such as "2027-01-31T00:00:00Z"'

export const TokenShape = mapping({
  token: secret('What a client presents as its API key.'),
  name: v.exactOptional(text('Shown in logs and status instead of the token.')),
  accounts: textList('Names or tags of the accounts it may use; empty means all.'),
  models: textList('Patterns of the models it may ask for; empty means all.'),
  model_map: modelMap('Pattern -> model name, or a list of names to try in order; goes before the global model_map.'),
  max_concurrency: wholeNumber('Requests at the same time; 0 means no limit.', 0),
  rpm: wholeNumber('Requests per minute; 0 means no limit.', 0),
  tpm: wholeNumber('Tokens per minute, without those from a cache; 0 means no limit.', 0),
  budget: v.exactOptional(
    v.pipe(
      mapping({ day: v.exactOptional(amount('USD per day.')), month: v.exactOptional(amount('USD per month.')) }),
      v.description('What this token may spend, by list price and in local days. usage_log keeps count over restarts.'),
    ),
  ),
  expires_at: v.exactOptional(v.pipe(text('When it stops working.'), v.isoTimestamp(DATE_TIME))),
})

export const AccountShape = mapping({
  name: v.exactOptional(text('Unique; shown in logs and status. The default is account-1, account-2 …')),
  platform: v.optional(choice('The vendor whose API it speaks.', PLATFORM_NAMES), 'anthropic'),
  type: v.exactOptional(
    v.pipe(
      v.union([v.picklist(['api_key', 'oauth']), v.string()], 'must be "api_key" or "oauth"'),
      v.description(
        'api_key, or oauth: a ChatGPT sign-in (openai) or a bearer token (anthropic). Follows from the credentials.',
      ),
    ),
  ),
  api_key: v.exactOptional(secret('API key.')),
  oauth_token: v.exactOptional(secret('A bearer token that is used as it is and never refreshed.')),
  refresh_token: v.exactOptional(secret('ChatGPT sign-in: exchanged for access tokens when they run out.')),
  access_token: v.exactOptional(secret('ChatGPT sign-in: the current access token.')),
  expires_at: v.exactOptional(v.pipe(text('ChatGPT sign-in: when access_token ends.'), v.isoTimestamp(DATE_TIME))),
  client_id: v.exactOptional(text('ChatGPT sign-in: OAuth client id.')),
  chatgpt_account_id: v.exactOptional(text('ChatGPT sign-in: which ChatGPT account pays.')),
  base_url: v.exactOptional(text('Any server that speaks the API of the platform; a /v1 at the end does not matter.')),
  wire_api: v.exactOptional(
    choice(
      'OpenAI only: the API the server has. The default is both for OpenAI itself, responses for a base_url and sign-ins; most other servers want chat.',
      ['responses', 'chat', 'both'],
    ),
  ),
  proxy: v.exactOptional(
    secret('http://, https:// or socks5:// URL, or direct. Without it the global proxy. Never skipped when unusable.'),
  ),
  allow_insecure_http: flag('Allows a base_url with plain http to a public host.', false),
  priority: forgivingNumber('Lower is tried first; 0 and less mean 50.', 50, 1),
  concurrency: forgivingNumber('Most requests at the same time; 0 means no limit, less means 3.', 3, 0),
  rpm: wholeNumber('Most requests per minute; 0 means no limit.', 0),
  models: textList('Patterns of the models it serves; empty means all of its platform.'),
  model_map: modelMap('Pattern -> what this account calls the model.'),
  tags: textList('Names for groups of accounts, for the accounts list of a token.'),
  enabled: flag('false leaves the account out.', true),
  headers: mapOf('Extra headers for every call.', text('Value of the header.')),
  extra_params: v.exactOptional(payload('Fields filled in where a request lacks them.')),
  reserve_percent: percentage('Share of each quota window kept for sessions it already serves.', 0, 0),
  pause_at_percent: percentage('Takes nothing more when a quota window is used up to this percentage.', 100, 1),
})

export const ConfigShape = mapping({
  schema_version: v.optional(
    v.pipe(
      v.literal(1, 'must be 1, the only format that this version of the program reads\nFor a newer one, update it.'),
      v.description('The format of this file, for the day when there is another one.'),
    ),
    1,
  ),
  listen_addr: v.optional(text('host:port; :port listens on all interfaces.'), '127.0.0.1:8080'),
  auth_tokens: v.pipe(
    list(
      v.union(
        [secret('What a client presents as its API key.'), TokenShape],
        'must be text or a token object\nFor example {"token": "…", "name": "laptop"}.',
      ),
    ),
    v.minLength(1, `must hold at least one token\n${HOW_TO_MAKE_ONE}`),
    v.description('The tokens clients may use: text, or an object that also says what the token may do.'),
    traits({ example: '["sk-a-token-that-you-make-up"]' }),
  ),
  accounts: v.pipe(
    list(AccountShape),
    v.minLength(1, 'must hold at least one account\nFor example {"platform": "anthropic", "api_key": "…"}.'),
    v.description('The upstream accounts requests are spread over.'),
    traits({ example: '[{"platform": "anthropic", "api_key": "…"}]' }),
  ),
  openai_default_instructions: mapOf(
    'Model or * -> instructions for Responses requests that bring none.',
    text('The instructions.'),
  ),
  model_extra_params: mapOf(
    'Model or * -> fields filled in where a request lacks them.',
    payload('Fields of the request body.'),
  ),
  model_map: modelMap('Pattern -> model name, or a list of names to try in order.'),
  strategy: v.optional(
    choice('Order of accounts with the same priority.', [
      'least_in_flight',
      'round_robin',
      'fill_first',
      'soonest_reset',
    ]),
    'least_in_flight',
  ),
  max_account_switches: forgivingNumber('Further accounts tried after the first; 0 and less mean 5.', 5, 1),
  sticky_session_ttl: duration('How long a session stays with its account; 0 turns it off.', '1h', { mean: '0' }),
  stream_read_timeout: duration('Longest silence of an upstream stream.', '5m', { mean: '5m' }),
  connect_timeout: duration('Longest time to connect, TLS included.', '10s', 'positive'),
  first_byte_timeout: duration('Longest wait for the beginning of a stream.', '2m', 'positive'),
  response_timeout: duration('Longest wait for a whole answer that is not streamed.', '10m', 'positive'),
  keepalive_interval: duration('Signs of life to a client whose stream is silent; 0 sends none.', '15s', 'zero'),
  hold_start: duration(
    'How long the start of a stream is held back, so that another account can step in.',
    '3s',
    'zero',
  ),
  queue: v.optional(
    v.pipe(
      mapping({
        timeout: duration('Longest wait for a free account.', '30s', 'zero'),
        size: wholeNumber('Most requests that wait.', 100),
      }),
      v.description('Where requests wait while every account is busy.'),
    ),
    {},
  ),
  cooldown: v.optional(
    v.pipe(
      mapping({ max: duration('Longest rest of an account, whatever the vendor says.', '6h', 'positive') }),
      v.description('Rest of an account after failures.'),
    ),
    {},
  ),
  on_client_disconnect: v.optional(
    choice('cancel stops the upstream at once, drain reads on for the exact usage.', ['cancel', 'drain']),
    'cancel',
  ),
  max_body_size: size('Largest request body.', '64MiB'),
  proxy: v.exactOptional(
    secret('http://, https:// or socks5:// URL, or direct. Without it HTTPS_PROXY and NO_PROXY of the environment.'),
  ),
  enable_request_log: flag('One line per request.', true),
  enable_stream_debug_log: flag('Stream lines, redacted, into a private file.', false),
  enable_model_debug_log: flag('Bodies, redacted, into a private file.', false),
  log: v.optional(
    v.pipe(
      mapping({
        format: v.optional(choice('pretty for people, json for machines.', ['pretty', 'json']), 'pretty'),
        level: v.optional(choice('The least important lines shown.', ['debug', 'info', 'warn', 'error']), 'info'),
      }),
      v.description('Log lines.'),
    ),
    {},
  ),
  usage_log: v.exactOptional(
    text('Path of a journal of usage, one JSON object per line; the month is put before its ending.'),
  ),
  prices: mapOf(
    'Model pattern -> USD per million tokens, before the built-in list.',
    mapping({
      input: v.exactOptional(amount('Input tokens.')),
      output: v.exactOptional(amount('Output tokens.')),
      cache_read: v.exactOptional(amount('Input tokens read from the cache.')),
      cache_write: v.exactOptional(amount('Input tokens written to the cache, for five minutes.')),
    }),
  ),
  admin_token: v.exactOptional(
    secret('Lets whoever has it use /admin from other machines; on this one a client token is enough.'),
  ),
  cors_origins: textList('Origins of web pages that may call, such as "https://chat.example".'),
  token_store: v.optional(
    choice('Where refreshed tokens go: config (this file) or state (token_state.json beside it).', ['config', 'state']),
    'config',
  ),
})
