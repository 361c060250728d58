/**
 * One account: who it is, how it is and until when, its quota windows, and what can be done about it.
 */
import type { AccountState, AccountView, CooldownView } from '../../views.ts'
import { createGauges } from './gauges.ts'
import { createKeyedList } from './keyed-list.ts'
import { part, setShown, setText, setTexts } from './parts.ts'
import type { AccountAction } from './relay-client.ts'
import { countOf, plural, span, windowName } from './words.ts'

export const STATE_WORDS: Record<AccountState, string> = {
  ok: 'Ready',
  cooling: 'Resting',
  paused: 'Paused',
  disabled: 'Disabled',
  needs_attention: 'Needs attention',
}

export interface CardContext {
  /** The relay's time, epoch ms. */
  readonly now: () => number
  readonly act: (account: string, action: AccountAction) => void
}

export function createAccountCard(element: HTMLElement, { now, act }: CardContext) {
  const state = part(element, 'state')
  const mend = part(element, 'mend')
  const signIn = part(element, 'sign-in') as HTMLAnchorElement
  const actions = part(element, 'actions')
  const buttons = [...actions.querySelectorAll('button')]
  const showWindows = createGauges(part(element, 'windows'))
  const showCooldowns = createKeyedList<CooldownView>({
    container: part(element, 'cooldowns'),
    template: 'cooldown',
    keyOf: ({ model, reason }) => `${model} ${reason}`,
    create: (row) => (cooldown) =>
      setTexts(row, { model: cooldown.model ?? '', until: span(Date.parse(cooldown.until) - now()) }),
  })
  let name = ''
  for (const button of buttons) {
    button.addEventListener('click', () => act(name, button.dataset['action'] as AccountAction))
  }

  return (account: AccountView): void => {
    name = account.name
    state.dataset['state'] = account.state
    const { concurrency, in_flight: busy, cache_hit_percent: cached } = account
    setTexts(element, {
      name,
      facts: [account.platform, account.type === 'oauth' ? 'OAuth' : 'API key', `priority ${account.priority}`]
        .concat(account.tags)
        .join(' · '),
      word: STATE_WORDS[account.state],
      until: account.until === null ? '' : span(Date.parse(account.until) - now()),
      reason: account.reason ?? lastError(account, now()),
      busy: `${countOf(busy)}${concurrency === 0 ? '' : ` of ${countOf(concurrency)}`} under way`,
      requests: plural(account.requests, 'request'),
      failures: `${countOf(account.failures)} failed`,
      cache: cached === null ? '' : `${Math.round(cached)}% from cache`,
      sessions: plural(account.sessions, 'session'),
    })
    setText(mend, account.mend ?? '')
    // Some reasons end in the very command that mends them.
    setShown(mend, account.mend !== null && account.reason?.includes(account.mend) !== true)
    showCooldowns(account.cooldowns.filter(({ model }) => model !== null))
    showWindows(
      Object.entries(account.windows).map(([key, { used_percent: used, resets_at: resetsAt }]) => ({
        label: windowName(key),
        percent: used,
        value: `${Math.round(used)}%`,
        note: resetsAt === null ? '' : `resets in ${span(Date.parse(resetsAt) - now())}`,
      })),
    )
    for (const unseen of actions.querySelectorAll('.unseen')) setText(unseen, ` ${name}`)
    // What is to have the focus next is shown first.
    for (const button of buttons.toReversed())
      setShown(button, means(button.dataset['action'] as AccountAction, account))
    setShown(signIn, account.sign_in !== null && isLocal(location.hostname))
    signIn.href = `/auth/login?account=${encodeURIComponent(name)}`
  }
}

/** Whether an action means something for the account as it is. */
function means(action: AccountAction, account: AccountView): boolean {
  switch (action) {
    case 'pause':
      return account.state !== 'paused' && account.state !== 'disabled'
    case 'resume':
      return account.state === 'paused'
    case 'clear':
      return account.cooldowns.length > 0
    case 'refresh':
      return account.sign_in !== null
    case 'test':
      return account.state !== 'disabled'
  }
}

function lastError({ last_error: error }: AccountView, now: number): string {
  return error === null ? '' : `Last error ${span(now - Date.parse(error.at))} ago: ${error.message}`
}

/** A sign-in starts on the relay's machine alone; elsewhere the command that mends the account says so. */
function isLocal(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}
