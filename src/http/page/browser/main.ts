/**
 * The status page: asks the relay every two seconds while somebody looks, and shows the answer.
 */
import type { AccountView, ReloadView, StatusView } from '../../views.ts'
import { createAccountCard } from './account-card.ts'
import { createActivity } from './activity.ts'
import { createAnnouncer } from './announcer.ts'
import { createDayChart } from './day-chart.ts'
import { createKeyedList } from './keyed-list.ts'
import { createOverview } from './overview.ts'
import { byId, setShown, setText } from './parts.ts'
import { type AccountAction, createRelayClient, type Reading } from './relay-client.ts'
import { createTokenDialog } from './token-dialog.ts'
import { plural } from './words.ts'

const POLL_MS = 2_000
const TICK_MS = 1_000

interface Seen {
  readonly view: StatusView
  /** The relay's time when it answered. */
  readonly serverNow: number
  /** On this page's own clock, which never jumps. */
  readonly at: number
}

function start(): void {
  const client = createRelayClient()
  const announce = createAnnouncer()
  const overview = createOverview()
  let seen: Seen | null = null
  let isSilent = false
  let isReading = false
  let poll = 0

  const sinceMs = (): number => (seen === null ? 0 : performance.now() - seen.at)
  const now = (): number => (seen?.serverNow ?? 0) + sinceMs()
  const askForToken = createTokenDialog(client, () => void read())
  const showAccounts = createKeyedList<AccountView>({
    container: byId('accounts'),
    template: 'account',
    keyOf: ({ name }) => name,
    create: (element) => createAccountCard(element, { now, act: (name, action) => void act(name, action) }),
  })
  const showDays = createDayChart(byId('days'), byId('measures'))
  const showActivity = createActivity(now, sinceMs)

  /** Countdowns and ages run on between two answers. */
  function show(): void {
    setShown(byId('reload'), seen !== null)
    setText(byId('lock'), client.token() === null ? 'Enter token' : 'Lock')
    setShown(byId('waiting'), seen === null)
    setShown(byId('content'), seen !== null)
    document.body.classList.toggle('stale', isSilent)
    if (seen === null) return
    const { view } = seen
    overview.show(view, now())
    if (isSilent) overview.say('unknown', 'No answer')
    else overview.summarize(view.accounts)
    const { rejected } = view.config
    setText(byId('rejected'), rejected === null ? '' : `The newest config is not in force: ${rejected}`)
    setShown(byId('rejected'), rejected !== null)
    showAccounts(view.accounts)
    showDays(view.days, view.today)
    showActivity(view)
  }

  async function read(): Promise<void> {
    if (isReading) return
    isReading = true
    clearTimeout(poll)
    const token = client.token()
    // Asked without a token the relay would refuse, and its log and the browser's would say so.
    if (token === null) lock('')
    else {
      const reading = await client.read(token)
      // Locked meanwhile: what was on its way is not for showing any more.
      if (client.token() === token) take(reading)
    }
    isReading = false
    show()
    if (document.visibilityState === 'visible' && client.token() !== null) poll = setTimeout(() => void read(), POLL_MS)
  }

  function take(reading: Reading): void {
    switch (reading.kind) {
      case 'view':
        // A newer relay brings a newer page.
        if (seen !== null && seen.view.version !== reading.view.version) location.reload()
        if (isSilent) announce('The relay answers again.')
        isSilent = false
        seen = { ...reading, at: performance.now() }
        return
      case 'locked':
        lock(reading.message)
        return
      case 'silent':
        setText(byId('waiting'), `${reading.message} Trying again …`)
        if (!isSilent) announce(`${reading.message} Trying again …`, true)
        isSilent = true
    }
  }

  function lock(message: string): void {
    client.forget()
    seen = null
    isSilent = false
    overview.say('unknown', 'Locked')
    setText(byId('about'), '\u00a0')
    setText(byId('waiting'), 'The relay shows itself to those who have a token.')
    askForToken(message)
  }

  async function act(account: string, action: AccountAction): Promise<void> {
    if (action === 'test' || action === 'refresh') announce(`Waiting for the vendor of ${account} …`)
    const answer = await client.act(account, action)
    if (answer.kind === 'done') announce(`${account}: ${answer.value.message}`, !answer.value.ok)
    else announce(answer.message, true)
    await read()
  }

  async function reload(): Promise<void> {
    const answer = await client.reload()
    if (answer.kind === 'done') announce(describeReload(answer.value), answer.value.config.rejected !== null)
    else announce(answer.message, true)
    await read()
  }

  byId('reload').addEventListener('click', () => void reload())
  byId('lock').addEventListener('click', () => {
    lock('')
    show()
  })
  document.addEventListener('visibilitychange', () => {
    if (client.token() !== null) void read()
  })
  setInterval(show, TICK_MS)
  void read()
}

function describeReload({ config, changed, accounts, settings, needs_restart: later, warnings }: ReloadView): string {
  if (config.rejected !== null) return `The config was not taken: ${config.rejected}`
  const facts = [
    changed ? 'Config reloaded' : 'The config is in force as it is',
    ...(['added', 'removed', 'changed'] as const)
      .filter((kind) => accounts[kind].length > 0)
      .map((kind) => `${plural(accounts[kind].length, 'account')} ${kind}`),
    ...(settings.length === 0 ? [] : [`new: ${settings.join(', ')}`]),
    ...(later.length === 0 ? [] : [`from the next start on: ${later.join(', ')}`]),
    ...warnings,
  ]
  return facts.join(' · ')
}

start()
