/**
 * The relay of the chaos run: the program's own `serve`, but for the identity provider. Arguments: config and issuer.
 */
import { serve } from '../../src/cli/serve.ts'

const [, , configPath = '', issuer = ''] = process.argv
const identityProvider = {
  issuer,
  authorizeUrl: `${issuer}/oauth/authorize`,
  tokenUrl: `${issuer}/oauth/token`,
}
await serve({ configPath }, { identityProvider })
process.exit()
