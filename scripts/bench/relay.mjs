/**
 * The relay as a user would run it: a config file with one account, every default on, the request log in a file. Only the
 * account's limit of three concurrent requests is lifted.
 */
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SUBJECT_CORE, start } from './processes.mjs'
import { TOKEN } from './traffic.mjs'

let runs = 0

/** Starts `bundle` (a dist/cli.js) on `port`. With `profile` its CPU profile is written there when it ends. */
export function startRelay({ taskset, folder, bundle, port, upstreamPort, profile = null }) {
  const home = join(folder, `relay-${++runs}`)
  mkdirSync(home, { recursive: true })
  const config = join(home, 'config.json')
  writeFileSync(config, JSON.stringify(configuration(port, upstreamPort), null, 2), { mode: 0o600 })
  const log = openSync(join(home, 'relay.log'), 'a')
  const profiling =
    profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile.folder}`, `--cpu-prof-name=${profile.name}`]
  try {
    const command = [process.execPath, ...profiling, bundle, '-config', config]
    return start(taskset, SUBJECT_CORE, command, { stdio: ['ignore', log, log] })
  } finally {
    closeSync(log)
  }
}

function configuration(port, upstreamPort) {
  return {
    listen_addr: `127.0.0.1:${port}`,
    auth_tokens: [TOKEN],
    accounts: [
      {
        name: 'vendor',
        platform: 'anthropic',
        api_key: 'sk-upstream-0123456789abcdef',
        base_url: `http://127.0.0.1:${upstreamPort}`,
        concurrency: 0,
      },
    ],
  }
}
