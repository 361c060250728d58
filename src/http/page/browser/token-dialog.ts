/**
 * Asks for a token, tries it, and keeps it only if the relay knows it.
 */
import { byId, part, setShown, setText } from './parts.ts'
import type { RelayClient } from './relay-client.ts'

/** `onUnlocked` hears of a token that was accepted. Returns what opens the dialog, with the reason why. */
export function createTokenDialog(client: RelayClient, onUnlocked: () => void): (why: string) => void {
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

  return (why) => {
    if (dialog.open) return
    setText(part(dialog, 'why'), why)
    setText(refusal, '')
    dialog.showModal()
  }
}
