/**
 * Who we are, to vendors and to people.
 */
import packageJson from '../../package.json' with { type: 'json' }

export const version: string = packageJson.version

/** What an upstream sees when no real client's own name is passed on. */
export const userAgent = `sub2api-simple/${version}`
