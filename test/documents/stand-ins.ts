/**
 * The commands that documents name, put in front of everything else on the PATH of a sandbox: the real program wherever
 * they mean the program, and small stand-ins for the clients, which ask the relay what the real ones ask.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './fences.ts'

/** In: a folder that exists, and how the program is started. Out: the folder to put on the PATH. */
export function writeStandIns(folder: string, program: readonly string[]): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const script = (name: string, text: string): string => {
    const path = join(bin, name)
    writeFileSync(path, text)
    chmodSync(path, 0o755)
    return path
  }
  const start = script('start.mjs', START.replace('PROGRAM', JSON.stringify(program)))
  const client = script('client.mjs', CLIENT)
  const { scripts } = JSON.parse(readFileSync(`${repository}package.json`, 'utf8')) as { scripts: object }
  const names = ['test', ...Object.keys(scripts)].join('|')
  const node = JSON.stringify(process.execPath)
  script('sub2api-simple', `#!/bin/sh\nexec ${node} ${start} "$@"\n`)
  script(
    'npx',
    `#!/bin/sh\ncase "$1" in sub2api-simple|./sub2api-simple-*.tgz) shift; exec ${node} ${start} "$@";; vitest) ;; *) exit 1;; esac\n`,
  )
  script(
    'npm',
    `#!/bin/sh\ncase "$*" in start\\ --\\ *) shift 2; exec ${node} ${start} "$@";; ci|pack|test|test\\ --\\ *) exit 0;; esac\n` +
      `case "$1 $2" in run\\ *) case "$2" in ${names}) exit 0;; esac;; esac\necho "npm knows no $*" >&2; exit 1\n`,
  )
  script('curl', '#!/bin/sh\nPATH=${PATH#*:} exec curl --silent --show-error --fail-with-body "$@"\n')
  for (const name of ['claude', 'codex', 'gemini', 'opencode'])
    script(name, `#!/bin/sh\nexec ${node} ${client} ${name} "$@"\n`)
  return bin
}

/** The program. A relay would serve for ever: it gets a port of its own, and is ended as soon as it listens. */
const START = `
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
const [command, ...first] = PROGRAM
const args = process.argv.slice(2)
const at = args.findIndex((each) => /^(-c|--?config)$/.test(each))
const rest = at < 0 ? args : args.toSpliced(at, 2)
if (rest.length === 0 || rest[0] === 'serve') serve(at < 0 ? 'config.json' : args[at + 1])
else spawn(command, [...first, ...args], { stdio: 'inherit' }).on('close', (code) => process.exit(code ?? 1))

function serve(path) {
  const config = readFileSync(path, 'utf8').replace(/"listen_addr":[^,]*,/, '').replace('{', '{"listen_addr": "127.0.0.1:0",')
  writeFileSync('served.json', config, { mode: 0o600 })
  const child = spawn(command, [...first, '-config', 'served.json'], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
    process.stderr.write(text)
    if (said.includes('Gemini CLI')) child.kill('SIGTERM')
  })
  child.on('close', (code) => process.exit(code ?? 1))
}
`

/** A client: one question in its own dialect with the settings of its environment, and an exit code that tells. */
const CLIENT = `
const { env } = process
const ask = {
  claude: [env.ANTHROPIC_BASE_URL + '/v1/messages', env.ANTHROPIC_AUTH_TOKEN, { model: 'claude-x', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }],
  codex: [env.RELAY_URL + '/v1/responses', env.RELAY_TOKEN ?? env.SUB2API_SIMPLE_TOKEN, { model: 'gpt-5.5', input: 'hi' }],
  gemini: [env.GOOGLE_GEMINI_BASE_URL + '/v1beta/models/gemini-x:generateContent', env.GEMINI_API_KEY, { contents: [{ parts: [{ text: 'hi' }] }] }],
  opencode: [env.RELAY_URL + '/health', '', undefined],
}
const [url, token, body] = ask[process.argv[2]]
const method = body === undefined ? 'GET' : 'POST'
const answer = await fetch(url, { method, headers: { authorization: 'Bearer ' + token }, body: JSON.stringify(body) })
console.log(answer.status, await answer.text())
process.exitCode = answer.ok ? 0 : 1
`
