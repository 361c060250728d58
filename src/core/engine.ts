/**
 * What runs the program: Node, or Bun in a single binary. They differ where a comment says so, and nowhere else.
 */

export const isBun = process.versions['bun'] !== undefined
