/**
 * Turns what stands in the config for a secret into the secret: text, `${ENV_NAME}` in text, or a reference to a
 * variable, a file or a command. What cannot be found is told as a reason, never as an empty secret.
 */
import { execFile } from 'node:child_process'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { readTextFile, type UnreadableFile } from './read-file.ts'
import type { SecretInput } from './schema.ts'

/** Variables by name, like `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The secret, or why there is none, in words for its owner. */
export type SecretReading =
  | { readonly text: string; readonly missing?: never }
  | { readonly text?: never; readonly missing: string }

export type SecretReader = (input: SecretInput) => Promise<SecretReading>

const LONGEST_SECRET_BYTES = 64 * 1024
/** Long enough for a password manager to ask for a fingerprint. */
const COMMAND_TIMEOUT_MS = 60_000

/** `directory` is where relative paths begin and commands run: the directory of the config. Each command runs once. */
export function createSecretReader(directory: string, environment: Environment): SecretReader {
  const commands = new Map<string, Promise<SecretReading>>()
  return (input) => {
    if (typeof input === 'string') return Promise.resolve(expand(input, environment))
    if ('env' in input) return Promise.resolve(readVariable(input.env, environment))
    if ('file' in input) return readSecretFile(input.file, directory, environment)
    const line = JSON.stringify(input.command)
    const reading = commands.get(line) ?? runCommand(input.command, directory, environment)
    commands.set(line, reading)
    return reading
  }
}

/** True when the file itself holds the secret, so that whoever may read the file may use it. */
export function isWrittenOut(input: SecretInput): input is string {
  return typeof input === 'string' && input.trim() !== '' && !VARIABLE.test(input)
}

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/
const VARIABLES = new RegExp(VARIABLE, 'g')

function expand(text: string, environment: Environment): SecretReading {
  const absent = [...text.matchAll(VARIABLES)]
    .map(([, name = '']) => readVariable(name, environment))
    .find(({ missing }) => missing !== undefined)
  return absent ?? { text: text.replaceAll(VARIABLES, (_, name: string) => environment[name]?.trim() ?? '').trim() }
}

function readVariable(name: string, environment: Environment): SecretReading {
  const value = Object.hasOwn(environment, name) ? environment[name]?.trim() : undefined
  if (value === undefined) return { missing: `the environment variable ${name} is not set` }
  return value === '' ? { missing: `the environment variable ${name} is empty` } : { text: value }
}

async function readSecretFile(path: string, directory: string, environment: Environment): Promise<SecretReading> {
  const home = environment['HOME'] ?? homedir()
  const absolute = resolve(
    directory,
    path.replace(/^~(?=[/\\])/, () => home),
  )
  try {
    const { text } = await readTextFile(absolute, LONGEST_SECRET_BYTES)
    return text.trim() === '' ? { missing: `the file ${absolute} is empty` } : { text: text.trim() }
  } catch (error) {
    return { missing: `the file ${absolute} cannot be read: ${(error as UnreadableFile).message}` }
  }
}

const execute = promisify(execFile)

async function runCommand(command: string[], directory: string, environment: Environment): Promise<SecretReading> {
  const [program = '', ...parameters] = command
  try {
    const running = execute(program, parameters, {
      cwd: directory,
      env: { ...environment },
      timeout: COMMAND_TIMEOUT_MS,
      maxBuffer: LONGEST_SECRET_BYTES,
      windowsHide: true,
    })
    // A program that asks on its input would wait for an answer that nobody can give.
    running.child.stdin?.end()
    const { stdout } = await running
    return stdout.trim() === '' ? { missing: `the command ${program} printed nothing` } : { text: stdout.trim() }
  } catch (error) {
    return { missing: `the command ${program} failed: ${explainFailure(error as CommandFailure)}` }
  }
}

interface CommandFailure {
  readonly code?: string | number
  readonly killed?: boolean
  readonly stderr?: string
  readonly message: string
}

function explainFailure({ code, killed, stderr = '', message }: CommandFailure): string {
  if (code === 'ENOENT') return 'there is no such program'
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it printed too much'
  if (killed === true) return `it took longer than ${COMMAND_TIMEOUT_MS / 1000} seconds`
  const said = stderr
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200)
  return typeof code === 'number' ? `it ended with code ${code}${said === '' ? '' : `: ${said}`}` : message
}
