/**
 * `status [--watch]`: accounts, limits and errors of the running relay; once, as JSON, or on a screen that follows it.
 */
import { type Clock, createSystemClock } from '../core/clock.ts'
import { printable } from '../core/printable.ts'
import type { StatusView } from '../http/views.ts'
import type { Output } from './output.ts'
import { findRunningRelay, type RunningRelay } from './running-relay.ts'
import { openScreen } from './screen.ts'
import { renderStatus } from './status-lines.ts'
import { fit } from './terminal-text.ts'

export interface StatusOptions {
  readonly configPath: string
  readonly json: boolean
  readonly watch: boolean
}

/** Throws ConfigError, and an Error when the relay cannot be asked. */
export async function status({ configPath, json, watch }: StatusOptions, output: Output): Promise<number> {
  const relay = await findRunningRelay(configPath)
  const view = await relay.get<StatusView>(PATH)
  if (json) {
    output.print(JSON.stringify(view, null, 2))
  } else if (watch && process.stdout.isTTY) {
    await followRelay(relay, view, createSystemClock())
  } else {
    // A file has no width.
    const canvas = { width: process.stdout.columns ?? Infinity, height: Infinity, now: createSystemClock().now() }
    output.print(renderStatus(view, { ...canvas, hasColours: hasColours() }).join('\n'))
  }
  return 0
}

const PATH = '/admin/status'
const PERIOD_MS = 1_000

/** Resolves when somebody quits. A relay that goes away is told on the screen, and shown again when it is back. */
function followRelay(relay: RunningRelay, first: StatusView, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let view = first
    let footer = KEYS
    let pulse = clock.timer(PERIOD_MS, () => void refresh())
    const draw = (): void => {
      const canvas = { width: screen.width, height: screen.height - 2, now: clock.now(), hasColours: hasColours() }
      screen.draw([...renderStatus(view, canvas), '', fit(footer, screen.width)])
    }
    const refresh = async (): Promise<void> => {
      try {
        view = await relay.get<StatusView>(PATH)
        footer = KEYS
      } catch (error) {
        footer = printable((error as Error).message)
      }
      draw()
      pulse = clock.timer(PERIOD_MS, () => void refresh())
    }
    const screen = openScreen(process.stdout, process.stdin, {
      onResize: draw,
      onQuit() {
        pulse.cancel()
        screen.close()
        resolve()
      },
    })
    draw()
  })
}

const KEYS = 'q quits'

/** Asks `NO_COLOR`, `FORCE_COLOR` and `TERM`, too. */
function hasColours(): boolean {
  return process.stdout.isTTY && process.stdout.hasColors()
}
