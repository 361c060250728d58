/**
 * Tools that Anthropic's models know by heart and that run at the client: another vendor's model must be told what they
 * take. Source: Anthropic API reference, "Tools": bash, text editor, memory.
 */
import type { JsonObject } from '../../core/json.ts'

export interface ClientTool {
  readonly description: string
  readonly schema: JsonObject
}

const PATH: JsonObject = { type: 'string', description: 'Absolute path of a file or directory.' }
const FILE_TEXT: JsonObject = { type: 'string', description: 'For create: the content of the file.' }
const OLD_STRING: JsonObject = {
  type: 'string',
  description: 'For str_replace: the exact text to replace, found once.',
}
const NEW_STRING: JsonObject = { type: 'string', description: 'For str_replace: the text that takes its place.' }
const INSERT_LINE: JsonObject = { type: 'integer', description: 'For insert: the line after which the text goes.' }
const VIEW_RANGE: JsonObject = {
  type: 'array',
  items: { type: 'integer' },
  description: 'For view: first and last line; -1 is the end of the file.',
}

/** By the name of the tool's type without its date. */
export const CLIENT_TOOLS: Readonly<Record<string, ClientTool>> = {
  bash: {
    description: 'Runs a command in a persistent bash session and returns its output.',
    schema: {
      type: 'object',
      properties: {
        command: { type: 'string', description: 'The command to run; required unless the session is restarted.' },
        restart: { type: 'boolean', description: 'True restarts the session.' },
      },
    },
  },
  text_editor: {
    description: 'Views, creates and edits files.',
    schema: commandSchema(['view', 'create', 'str_replace', 'insert', 'undo_edit'], {
      path: PATH,
      file_text: FILE_TEXT,
      old_str: OLD_STRING,
      new_str: { type: 'string', description: 'For str_replace and insert: the new text.' },
      insert_line: INSERT_LINE,
      insert_text: { type: 'string', description: 'For insert: the text to insert.' },
      view_range: VIEW_RANGE,
    }),
  },
  memory: {
    description: 'Keeps notes in files below /memories that last from one conversation to the next.',
    schema: commandSchema(['view', 'create', 'str_replace', 'insert', 'delete', 'rename'], {
      path: PATH,
      file_text: FILE_TEXT,
      old_str: OLD_STRING,
      new_str: NEW_STRING,
      insert_line: INSERT_LINE,
      insert_text: { type: 'string', description: 'For insert: the text to insert.' },
      view_range: VIEW_RANGE,
      old_path: { type: 'string', description: 'For rename: the path as it is.' },
      new_path: { type: 'string', description: 'For rename: the path as it shall be.' },
    }),
  },
}

function commandSchema(commands: string[], properties: JsonObject): JsonObject {
  return {
    type: 'object',
    properties: { command: { type: 'string', enum: commands, description: 'What to do.' }, ...properties },
    required: ['command'],
  }
}
