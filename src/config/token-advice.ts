/**
 * What to do about a token that is missing or too weak.
 */

export const HOW_TO_MAKE_ONE = `Make one with: node -p "crypto.randomBytes(24).toString('hex')"`
