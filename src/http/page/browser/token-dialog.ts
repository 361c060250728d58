/**
 * Asks for a token, tries it, and keeps it only if the relay knows it.
 */
import { byId, part, setShown, setText } from './parts.ts'
import type { RelayClient } from './relay-client.ts'

/** `onUnlocked` hears of a token that was accepted. Returns what opens the dialog, with what was wrong before, if anything. */
export function createTokenDialog(client: RelayClient, onUnlocked: () => void): (message: string) => void {
  const dialog = byId('token-dialog') as HTMLDialogElement
  const input = byId('token') as HTMLInputElement
  const refusal = part(dialog, 'refusal')
  setShown(part(dialog, 'plain'), !isSecureContext)
  part(dialog, 'cancel').addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => {
    input.value = ''
  })
  dialog.addEventListener('submit', (event) => {
    event.preventDefault()
    void attempt(input.value.trim())
  })

  async function attempt(token: string): Promise<void> {
    const reading = await client.read(token)
    if (reading.kind !== 'view') {
      setText(refusal, reading.message)
      input.select()
      return
    }
    client.keep(token)
    dialog.close()
    onUnlocked()
  }

  return (message) => {
    if (dialog.open) return
    setText(refusal, message)
    dialog.showModal()
  }
}
