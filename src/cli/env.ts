/**
 * `env <client>`: the settings that `run` gives to a client, as lines for a shell or as data.
 */
import { loadAddress, urlOf } from '../config/access.ts'
import type { SettingsName } from './client-names.ts'
import { type ClientSettings, codexProvider, settingsOf } from './client-settings.ts'
import type { Output } from './output.ts'

export type ShellLanguage = 'sh' | 'fish' | 'powershell'

export interface EnvOptions {
  readonly client: SettingsName
  readonly shell: ShellLanguage
  readonly json: boolean
  readonly configPath: string
}

/** Throws ConfigError, and an Error when the config does not tell where the relay is. */
export async function env({ client, shell, json, configPath }: EnvOptions, output: Output): Promise<number> {
  const { listen, token } = await loadAddress(configPath)
  if (listen.port === 0)
    throw new Error(`listen_addr in ${configPath} lets the system choose a port, so nobody can tell it beforehand`)
  const url = urlOf(listen)
  // Only OpenCode wants to know, and only this opens the accounts.
  const served =
    client === 'opencode' ? await (await import('./served.ts')).loadServed(configPath) : { platforms: [], models: [] }
  const settings = settingsOf(client, { url, token: token.token.reveal(), ...served })
  output.print(json ? JSON.stringify({ client, url, ...settings }, null, 2) : toLines(client, url, settings, shell))
  return 0
}

function toLines(client: SettingsName, url: string, settings: ClientSettings, shell: ShellLanguage): string {
  const { environment, unwanted, args } = settings
  const language = LANGUAGES[shell]
  const disturbing = unwanted.filter((name) => (process.env[name] ?? '') !== '')
  return [
    ...disturbing.map((name) => `# ${name} is set here and stands in the way: ${language.unset(name)}`),
    ...Object.entries(environment).map(([name, value]) => language.set(name, value)),
    ...(args.length === 0 ? [] : [language.wrap(client, args.map(language.quote).join(' '))]),
    ...(client === 'codex' ? explainCodex(url) : []),
  ].join('\n')
}

/** For those who would rather have it in Codex's own config; its environment stays the same. */
function explainCodex(url: string): string[] {
  const { name, settings } = codexProvider(url)
  return [
    '# The same for ~/.codex/config.toml, instead of the line above:',
    `#   model_provider = ${JSON.stringify(name)}`,
    `#   [model_providers.${name}]`,
    ...Object.entries(settings).map(([key, value]) => `#   ${key} = ${JSON.stringify(value)}`),
  ]
}

interface Language {
  quote(text: string): string
  set(name: string, value: string): string
  unset(name: string): string
  /** Makes a command of this name add the arguments. */
  wrap(command: string, args: string): string
}

const LANGUAGES: Record<ShellLanguage, Language> = {
  sh: {
    quote: quoteForSh,
    set: (name, value) => `export ${name}=${quoteForSh(value)}`,
    unset: (name) => `unset ${name}`,
    wrap: (command, args) => `${command}() { command ${command} ${args} "$@"; }`,
  },
  fish: {
    quote: quoteForFish,
    set: (name, value) => `set -gx ${name} ${quoteForFish(value)}`,
    unset: (name) => `set -e ${name}`,
    wrap: (command, args) => `function ${command}; command ${command} ${args} $argv; end`,
  },
  powershell: {
    quote: quoteForPowershell,
    set: (name, value) => `$env:${name} = ${quoteForPowershell(value)}`,
    unset: (name) => `Remove-Item Env:${name}`,
    wrap: (command, args) =>
      `function ${command} { & (Get-Command -CommandType Application ${command})[0] ${args} @args }`,
  },
}

function quoteForSh(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function quoteForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function quoteForPowershell(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
