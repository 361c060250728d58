/**
 * `completion <shell>`: a script by which the shell completes verbs, options and the words that an argument may be. Made
 * from the declarations themselves, so that it knows every verb there is.
 */
import type { Argument, Command, Option } from 'commander'
import type { Output } from './output.ts'

export type CompletedShell = 'bash' | 'zsh' | 'fish'

export interface CompletionOptions {
  readonly shell: CompletedShell
  readonly program: Command
}

/** What can stand behind a verb. */
interface VerbWords {
  readonly name: string
  readonly description: string
  readonly options: readonly OptionWords[]
  /** The words for each argument; none where anything may stand, such as a name. */
  readonly arguments: ReadonlyArray<readonly string[]>
}

interface OptionWords {
  /** `--json`, `-c`. */
  readonly flags: readonly string[]
  readonly description: string
  /** Null for an option that takes no value; empty where the value can be anything. */
  readonly values: readonly string[] | null
  readonly isPath: boolean
}

export function completion({ shell, program }: CompletionOptions, output: Output): Promise<number> {
  const verbs = program.commands.map(readVerb)
  const write = { bash: writeBash, zsh: writeZsh, fish: writeFish }[shell]
  output.print(write(program.name(), verbs, program.options.map(readOption)))
  return Promise.resolve(0)
}

function readVerb(command: Command): VerbWords {
  return {
    name: command.name(),
    description: command.description(),
    options: command.options.map(readOption),
    arguments: command.registeredArguments.map((argument: Argument) => argument.argChoices ?? []),
  }
}

function readOption({ short, long, description, argChoices, required, optional, flags }: Option): OptionWords {
  return {
    flags: [long, short].filter((flag) => flag !== undefined && flag !== null),
    description,
    values: required || optional ? (argChoices ?? []) : null,
    isPath: /<(path|file)>/.test(flags),
  }
}

/** `_x_words position`: what may stand at this place, told by the verb and by the word before. */
function writeBash(program: string, verbs: readonly VerbWords[], global: readonly OptionWords[]): string {
  const valued = [
    ...new Map([...global, ...verbs.flatMap((verb) => verb.options)].map((o) => [o.flags[0], o])).values(),
  ]
  const beforeCases = valued
    .filter(({ values }) => values !== null)
    .map(({ flags, values, isPath }) =>
      isPath
        ? `    ${flags.join('|')}) compopt -o default 2>/dev/null; return;;`
        : `    ${flags.join('|')}) COMPREPLY=($(compgen -W '${(values ?? []).join(' ')}' -- "$word")); return;;`,
    )
  const verbCases = verbs.map((verb) => {
    const words = verb.options.flatMap(({ flags }) => flags.slice(0, 1))
    const byPlace = verb.arguments.map((choices, place) => `        ${place}) words="${choices.join(' ')}";;`)
    return [
      `    ${verb.name})`,
      `      options='${words.join(' ')}'`,
      ...(byPlace.length === 0 ? [] : ['      case $place in', ...byPlace, '      esac']),
      '      ;;',
    ].join('\n')
  })
  const name = functionName(program)
  return `# bash completion for ${program}; load it with: source <(${program} completion bash)
${name}() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb='' place=-1 words='' options='' i
  COMPREPLY=()
  case $before in
${beforeCases.join('\n')}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      -c|--config) ((i++));;
      -*) ;;
      *) [[ -n $verb ]] || verb=\${COMP_WORDS[i]}; ((place++));;
    esac
  done
  case $verb in
    '') words='${verbs.map((verb) => verb.name).join(' ')}'; options='${global.flatMap(({ flags }) => flags.slice(0, 1)).join(' ')}';;
${verbCases.join('\n')}
  esac
  [[ $word == -* ]] && words=$options
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F ${name} ${program}`
}

function writeZsh(program: string, verbs: readonly VerbWords[], global: readonly OptionWords[]): string {
  const name = functionName(program)
  const listed = verbs.map((verb) => `    ${quote(`${verb.name}:${verb.description}`)}`)
  const cases = verbs.map((verb) => {
    const specs = [
      ...verb.options.map(zshOption),
      ...verb.arguments.map((choices, place) =>
        quote(`${place + 1}:argument:${choices.length > 0 ? `(${choices.join(' ')})` : ''}`),
      ),
    ]
    return `        ${verb.name}) _arguments ${specs.join(' ')};;`
  })
  return `#compdef ${program}
# zsh completion for ${program}
${name}() {
  local -a verbs
  verbs=(
${listed.join('\n')}
  )
  local state line
  _arguments -C ${global.map(zshOption).join(' ')} '1:command:->verb' '*::argument:->rest'
  case $state in
    verb) _describe command verbs;;
    rest)
      case $line[1] in
${cases.join('\n')}
      esac;;
  esac
}
if [[ $funcstack[1] == ${name} ]]; then ${name} "$@"; else compdef ${name} ${program}; fi`
}

function zshOption({ flags, description, values, isPath }: OptionWords): string {
  const value = values === null ? '' : `:value:${isPath ? '_files' : values.length > 0 ? `(${values.join(' ')})` : ''}`
  const text = `[${description.replaceAll(/[[\]:\\]/g, (mark) => `\\${mark}`)}]${value}`
  return flags.length === 1 ? quote(`${flags[0]}${text}`) : `{${flags.join(',')}}${quote(text)}`
}

function writeFish(program: string, verbs: readonly VerbWords[], global: readonly OptionWords[]): string {
  const always = `complete -c ${program}`
  const none = `"not __fish_seen_subcommand_from ${verbs.map((verb) => verb.name).join(' ')}"`
  return [
    `# fish completion for ${program}`,
    `${always} -f`,
    ...global.map((option) => `${always} ${fishOption(option)}`),
    ...verbs.flatMap((verb) => {
      const here = `${always} -n "__fish_seen_subcommand_from ${verb.name}"`
      return [
        `${always} -n ${none} -a ${verb.name} -d ${quote(verb.description)}`,
        ...verb.arguments
          .filter((choices) => choices.length > 0)
          .map((choices) => `${here} -a ${quote(choices.join(' '))}`),
        ...verb.options.map((option) => `${here} ${fishOption(option)}`),
      ]
    }),
  ].join('\n')
}

function fishOption({ flags, description, values, isPath }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  const value = values === null ? [] : isPath ? ['-r', '-F'] : ['-x', `-a ${quote(values.join(' '))}`]
  return [...names, ...value, `-d ${quote(description)}`].join(' ')
}

function functionName(program: string): string {
  return `_${program.replaceAll('-', '_')}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
