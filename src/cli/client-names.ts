/**
 * The clients that the relay knows how to configure.
 */

/** Programs that `run` starts. */
export const CLIENT_NAMES = ['claude', 'codex', 'gemini', 'opencode'] as const

/** What `env` prints settings for: those, and the SDKs of two vendors with all the programs that are made with them. */
export const SETTINGS_NAMES = [...CLIENT_NAMES, 'openai', 'anthropic'] as const

export type ClientName = (typeof CLIENT_NAMES)[number]
export type SettingsName = (typeof SETTINGS_NAMES)[number]
