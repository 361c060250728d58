/**
 * Tells the vendor's own client from others by what it says of itself.
 */
import type { HeaderList } from '../core/headers.ts'

/** True for Codex in all its forms (`codex_cli_rs`, `codex_exec`, `codex_vscode`, `Codex Desktop`). */
export function isCodexClient(headers: HeaderList): boolean {
  return headers.some(([name, value]) => name === 'originator' && /^codex/i.test(value))
}
