import { expect, it } from 'vitest'
import { createLedger } from '../../src/protocols/ledger.ts'

it('names each loss once', () => {
  const ledger = createLedger()
  ledger.note('dropped', 'top_k')
  ledger.note('dropped', 'top_k')
  ledger.note('prefill-continued')
  expect(ledger.entries).toEqual(['dropped:top_k', 'prefill-continued'])
})

it('stays small, and fit for a header, whatever a stranger names his tools', () => {
  const ledger = createLedger()
  for (let i = 0; i < 1000; i++) ledger.note('dropped', `tool ${i}\r\nx-evil: é`.repeat(100))
  expect(ledger.entries).toHaveLength(64)
  for (const entry of ledger.entries) expect(entry).toMatch(/^[!-~]{1,80}$/)
})
