/**
 * Where an account's server is, in the two parts that a call needs.
 */
export interface ServerAddress {
  /** Scheme, host and port. */
  readonly origin: string
  /** What goes before every path, without a slash at its end; often empty. */
  readonly path: string
}

/**
 * `baseUrl` is an origin, perhaps with a path, as the config's reader leaves it: it has been through a URL parser, and need
 * not go through another one with every call.
 */
export function serverAddress(baseUrl: string): ServerAddress {
  const hostAt = baseUrl.indexOf('//') + 2
  const pathAt = baseUrl.indexOf('/', hostAt)
  if (pathAt < 0) return { origin: baseUrl, path: '' }
  return { origin: baseUrl.slice(0, pathAt), path: baseUrl.slice(pathAt).replace(/\/$/, '') }
}
