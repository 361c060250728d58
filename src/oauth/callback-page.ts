/**
 * What a browser sees when it comes back from the vendor to the callback port.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { renderPage } from '../core/page.ts'
import type { LoginResult } from './login-result.ts'

/** Answers a request to the callback port; `complete` judges the address that came. Never rejects. */
export async function answerCallback(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  path: string,
  complete: (callbackUrl: string) => Promise<LoginResult>,
): Promise<void> {
  const { url = '', method } = incoming
  if (!namesThisMachine(incoming)) return sendPage(outgoing, 421, 'Wrong address', 'This address is not for you.')
  if (url.split('?', 1)[0] !== path) return sendPage(outgoing, 404, 'Not found', 'There is nothing here.')
  if (method !== 'GET')
    return sendPage(outgoing, 405, 'Not possible', 'This address can only be opened.', { allow: 'GET' })
  const result = await complete(url)
  switch (result.kind) {
    case 'signed_in':
      return sendPage(
        outgoing,
        200,
        'Signed in',
        `The account "${result.account}" is ready. You can close this window.`,
      )
    case 'refused':
      return sendPage(
        outgoing,
        400,
        'Not signed in',
        'This sign-in cannot be completed. Go back and try again, or start it again.',
      )
    case 'failed':
      return sendPage(
        outgoing,
        502,
        'Not signed in',
        `The account "${result.account}" could not be signed in; the relay's log says why. Start the sign-in again.`,
      )
  }
}

function sendPage(
  outgoing: ServerResponse,
  status: number,
  title: string,
  text: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const { headers, body } = renderPage(title, text)
  outgoing.writeHead(status, { ...headers, ...more, connection: 'close' }).end(body)
}

/** A name that somebody let point to this machine (DNS rebinding) is not ours. */
function namesThisMachine({ headers: { host = '' } }: IncomingMessage): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(host)
}
