/**
 * `login --no-browser` in a process of its own, against the identity provider of a test. Arguments: config, issuer, and
 * the callback ports.
 */
import { login } from '../../src/cli/login.ts'

const [, , configPath = '', issuer = '', ...ports] = process.argv
const say = (text: string): void => void process.stdout.write(`${text}\n`)
process.exitCode = await login(
  { configPath, account: undefined, browser: false },
  { print: say, complain: say },
  {
    identityProvider: { issuer, authorizeUrl: `${issuer}/oauth/authorize`, tokenUrl: `${issuer}/oauth/token` },
    ports: ports.map(Number),
  },
)
