/**
 * Good input for each target, to make bad input of.
 */
import { readFileSync } from 'node:fs'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { type Answer, renderWhole, streamText } from '../harness/streams.ts'

const CALL = { name: 'get_weather', arguments: { city: 'Łódź', days: [1, 2] }, id: 'call_1' }
const SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string', enum: ['a'] }, days: { type: 'array', items: {} } },
}
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** A whole conversation in each dialect: system, images, a call and its result, tools, reasoning, a format. */
export const BODIES: Readonly<Record<Protocol, JsonObject>> = {
  anthropic: {
    model: 'm',
    max_tokens: 100,
    stream: true,
    temperature: 0.5,
    stop_sequences: ['x'],
    metadata: { user_id: 'u' },
    system: [{ type: 'text', text: 'be brief', cache_control: { type: 'ephemeral' } }],
    thinking: { type: 'enabled', budget_tokens: 2000 },
    tool_choice: { type: 'auto' },
    tools: [
      { name: 'get_weather', description: 'd', input_schema: SCHEMA },
      { type: 'web_search_20250305', name: 'web_search' },
    ],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 's' },
          { type: 'tool_use', id: 'call_1', name: 'get_weather', input: CALL.arguments },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_1', content: [{ type: 'text', text: 'sunny' }], is_error: false },
        ],
      },
    ],
  },
  'openai-responses': {
    model: 'm',
    stream: true,
    store: false,
    instructions: 'be brief',
    max_output_tokens: 100,
    parallel_tool_calls: true,
    include: ['reasoning.encrypted_content'],
    reasoning: { effort: 'medium', summary: 'auto' },
    tool_choice: 'auto',
    text: { format: { type: 'json_schema', name: 'f', schema: SCHEMA, strict: true }, verbosity: 'low' },
    tools: [
      { type: 'function', name: 'get_weather', parameters: SCHEMA, strict: false },
      { type: 'web_search' },
      { type: 'custom', name: 'shell', format: { type: 'text' } },
    ],
    input: [
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'd' }] },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'hi' },
          { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}` },
        ],
      },
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'e' },
      { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: JSON.stringify(CALL.arguments) },
      { type: 'function_call_output', call_id: 'call_1', output: 'sunny' },
      { type: 'custom_tool_call', call_id: 'call_2', name: 'shell', input: 'ls' },
      { type: 'custom_tool_call_output', call_id: 'call_2', output: 'a\nb' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'done', annotations: [] }] },
    ],
  },
  'openai-chat': {
    model: 'm',
    stream: true,
    stream_options: { include_usage: true },
    max_completion_tokens: 100,
    n: 1,
    stop: ['x'],
    seed: 1,
    reasoning_effort: 'low',
    tool_choice: { type: 'function', function: { name: 'get_weather' } },
    logit_bias: { '50256': -100 },
    response_format: { type: 'json_schema', json_schema: { name: 'f', schema: SCHEMA } },
    tools: [{ type: 'function', function: { name: 'get_weather', description: 'd', parameters: SCHEMA } }],
    messages: [
      { role: 'system', content: 'be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}`, detail: 'low' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        reasoning_content: 'hm',
        tool_calls: [
          {
            id: 'call_1',
            type: 'function',
            function: { name: 'get_weather', arguments: JSON.stringify(CALL.arguments) },
          },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
    ],
  },
  gemini: {
    systemInstruction: { parts: [{ text: 'be brief' }] },
    generationConfig: {
      maxOutputTokens: 100,
      temperature: 0.5,
      stopSequences: ['x'],
      responseMimeType: 'application/json',
      responseSchema: SCHEMA,
      thinkingConfig: { thinkingBudget: 100, includeThoughts: true },
    },
    tools: [
      { functionDeclarations: [{ name: 'get_weather', description: 'd', parameters: SCHEMA }] },
      { googleSearch: {} },
    ],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['get_weather'] } },
    contents: [
      { role: 'user', parts: [{ text: 'hi' }, { inlineData: { mimeType: 'image/png', data: PIXEL } }] },
      {
        role: 'model',
        parts: [
          { text: 'hm', thought: true },
          { functionCall: { id: 'call_1', name: 'get_weather', args: CALL.arguments }, thoughtSignature: 's' },
        ],
      },
      {
        role: 'user',
        parts: [{ functionResponse: { id: 'call_1', name: 'get_weather', response: { output: 'sunny' } } }],
      },
    ],
  },
}

const ANSWERS: readonly Answer[] = [
  { text: 'Hello, wörld 😀' },
  { thinking: 'hm, let me see', signature: 'c2lnbmF0dXJl', text: 'It is sunny.' },
  { toolCalls: [CALL, { name: 'other', arguments: {} }], text: 'Let me look.' },
  { text: 'no', stop: 'refusal' },
  { text: 'and then', stop: 'max_tokens', usage: null },
]

export function streamsOf(protocol: Protocol): Buffer[] {
  return ANSWERS.map((answer) => Buffer.from(streamText(protocol, answer)))
}

export function wholesOf(protocol: Protocol): Buffer[] {
  return ANSWERS.map((answer) => Buffer.from(renderWhole(protocol, answer)))
}

export const CONFIGS: readonly Buffer[] = [
  readFileSync('config.example.json'),
  Buffer.from(`# a comment
listen_addr: 127.0.0.1:8080
auth_tokens:
  - {token: a-client-token-for-tests, name: alice, models: ["claude-*", gpt-5.5], rpm: 10}
  - another-token-for-tests
accounts:
  - {name: claude, platform: anthropic, api_key: &key sk-a-key, concurrency: 3, models: ["*"], extra_params: {a: 1}}
  - {name: gpt, platform: openai, wire_api: both, api_key: *key, base_url: "http://127.0.0.1:1/v1", proxy: "socks5://a:b@127.0.0.1:1"}
  - {name: plus, platform: openai, type: oauth, refresh_token: rt_1, expires_at: 2099-01-01T00:00:00Z}
model_map: {fast: [gpt-5.5, claude-x], slow: m}
queue: {timeout: 5s, size: 10}
cooldown: {max: 1h}
stream_read_timeout: 1m30s
`),
  Buffer.from(`{ // jsonc
  "auth_tokens": ["a-client-token-for-tests"], /* here */
  "accounts": [{"name": "g", "platform": "gemini", "api_key": "\${KEY}", "headers": {"x-a": "b"}, "models": ["a*b*c"]}],
  "model_extra_params": {"*": {"temperature": 1}},
  "max_body_size": "32MiB",
}`),
]
