/**
 * Days and months of the machine's own time zone, on the days that are not like the others.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { localDay, localMonth } from '../../src/core/local-calendar.ts'

const HOUR = 3_600_000
const usual = process.env['TZ']
afterEach(() => {
  if (usual === undefined) delete process.env['TZ']
  else process.env['TZ'] = usual
})

const hoursOf = ({ startsAt, endsAt }: { startsAt: number; endsAt: number }): number => (endsAt - startsAt) / HOUR

describe('a day', () => {
  test.each([
    ['Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-29', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-25', 25],
    ['Europe/Berlin', '2026-11-20T23:30:00Z', '2026-11-21', 24],
    ['America/Los_Angeles', '2026-11-21T05:00:00Z', '2026-11-20', 24],
    ['Asia/Kolkata', '2026-12-31T18:30:00Z', '2027-01-01', 24],
  ])('in %s at %s is %s, of %i hours', (zone, at, key, hours) => {
    process.env['TZ'] = zone
    const day = localDay(Date.parse(at))
    expect([day.key, hoursOf(day)]).toEqual([key, hours])
    expect(localDay(day.endsAt).startsAt).toBe(day.endsAt)
    expect(localDay(day.endsAt - 1).key).toBe(key)
  })
})

test.each([
  ['Europe/Berlin', '2026-10-31T23:30:00Z', '2026-11'],
  ['UTC', '2028-02-29T23:59:59.999Z', '2028-02'],
  ['Pacific/Auckland', '2026-12-31T11:00:00Z', '2027-01'],
])('the month in %s at %s is %s', (zone, at, key) => {
  process.env['TZ'] = zone
  const month = localMonth(Date.parse(at))
  expect(month.key).toBe(key)
  expect(localMonth(month.endsAt).startsAt).toBe(month.endsAt)
})
