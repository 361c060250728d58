/**
 * The processes of a run: started on the core they belong to, ended by their own id, and none left behind.
 */
import { spawn } from 'node:child_process'
import { createServer, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Load and upstream share a core; what is measured has the other for itself. */
export const LOAD_CORE = '0'
export const SUBJECT_CORE = '1'

const PATIENCE_MS = 10_000
const children = new Set()

/** Starts a program on a core; unpinned where `taskset` is null. The environment is bare: no proxy settings, no NODE_OPTIONS. */
export function start(taskset, core, command, { stdio = ['pipe', 'pipe', 'inherit'], env = {} } = {}) {
  const [program, ...args] = taskset === null ? command : [taskset, '-c', core, ...command]
  const child = spawn(program, args, { stdio, env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } })
  children.add(child)
  child.once('exit', () => children.delete(child))
  child.once('error', () => children.delete(child))
  // A write to a child that has just ended is no news: its exit is.
  child.stdin?.on('error', () => {})
  return child
}

/** Runs a program to its end and resolves to what it printed. Rejects when it fails or takes longer than `limitMs`. */
export async function run(taskset, core, command, { limitMs = 120_000, env } = {}) {
  const child = start(taskset, core, command, { stdio: ['ignore', 'pipe', 'pipe'], env })
  const pieces = []
  child.stdout.on('data', (piece) => pieces.push(piece))
  child.stderr.on('data', (piece) => pieces.push(piece))
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const code = await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject))
  clearTimeout(limit)
  const output = Buffer.concat(pieces).toString()
  if (code !== 0) throw new Error(`${command[0]} failed (${code}): ${output.slice(-500)}`)
  return output
}

/** The first line of a child's output, as JSON. */
export function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (piece) => {
      text += piece
      if (text.includes('\n')) resolve(JSON.parse(text.slice(0, text.indexOf('\n'))))
    })
    child.once('exit', (code) => reject(new Error(`a child ended early (${code})`)))
    child.once('error', reject)
  })
}

/** Ends a child: politely, and after ten seconds by force. */
export async function stop(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.stdin?.end()
  child.kill(signal)
  const force = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await gone
  clearTimeout(force)
}

/** For the end of the run, however it comes. */
export function killAll() {
  for (const child of children) child.kill('SIGKILL')
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** Resolves when `child` listens on the port; rejects when it ends instead, or takes too long. */
export async function untilOpen(port, child) {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await sleep(1)) {
    if (await isOpen(port)) return
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended with ${child.exitCode}`)
  }
  throw new Error(`nothing listens on port ${port}`)
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
