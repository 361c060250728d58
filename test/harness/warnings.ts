/**
 * What Node warns of while a story is played, such as a listener too many.
 */
import { onTestFinished } from 'vitest'

/** Every warning of this process from now to the end of the story, as they come. */
export function collectWarnings(): readonly Error[] {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  return warnings
}
