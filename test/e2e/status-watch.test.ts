/**
 * `status --watch` on a terminal, against a stand-in for the running relay.
 */
import { describe, expect, test } from 'vitest'
import { accountView, standIn, statusView } from '../cli/views.ts'
import { hasTerminals, type Run, useProgram } from '../harness/program.ts'

const { runAtTerminal } = useProgram()
const ENTER = '\u001b[?1049h'
const LEAVE = '\u001b[?25h\u001b[?1049l'

/** A relay that counts how often it was asked, watched until its first picture is there. */
async function watch() {
  let asked = 0
  const relay = await standIn({
    '/admin/status': () => statusView({ accounts: [accountView({ name: 'plus', in_flight: ++asked })] }),
  })
  const started = runAtTerminal(['status', '--watch', '-config', relay.configPath], { env: { TERM: 'xterm' } })
  await started.until(/1\/3 in flight/)
  return { ...started, relay }
}

/** The text behind the last time the other screen was left. */
function afterwards({ printed }: Run): string {
  return printed.stdout.slice(printed.stdout.lastIndexOf(LEAVE) + LEAVE.length)
}

describe.runIf(hasTerminals)('status --watch', () => {
  test.each([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ])('draws in place until %s is pressed, and gives the terminal back', async (_, key) => {
    const started = await watch()
    await started.until(/2\/3 in flight/)
    started.child.stdin.write(key)
    expect(await started.exit).toEqual({ code: 0, signal: null })
    const { stdout } = started.printed
    expect([stdout.startsWith(ENTER), stdout.split(ENTER).length, afterwards(started)]).toEqual([true, 2, ''])
    // Nothing is scrolled and nothing is cleared as a whole, which would flicker.
    expect(stdout).not.toContain('\u001b[2J')
  })

  test('tells when the relay goes away, and shows it again when it is back', async () => {
    const started = await watch()
    await started.relay.down()
    await started.until(/no relay runs at/)
    await started.relay.up()
    await started.until(/no relay runs at[^]*[2-9]\/3 in flight/)
    started.child.stdin.write('q')
    expect(await started.exit).toEqual({ code: 0, signal: null })
  })
})
