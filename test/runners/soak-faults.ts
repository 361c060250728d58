/**
 * What goes wrong in the soak: rows A to D of the fault matrix that pass within seconds. `mayBreak` are those after which
 * a client may be left with a broken answer, because content had flowed when they struck.
 */
import type { Reaction } from '../harness/reply.ts'
import {
  after,
  answerWith,
  beforeHead,
  cut,
  drop,
  empty,
  errorEvent,
  fail,
  failInStream,
  finish,
  framing,
  headers,
  html,
  informational,
  ping,
  redirect,
  slice,
  stall,
  wire,
} from '../harness/reactions.ts'
import type { Answer } from '../harness/streams.ts'

export interface SoakFault {
  readonly name: string
  /** Rows of the matrix. */
  readonly rows: string
  readonly mayBreak: boolean
  /** The client's own mistake: passed on as it is. */
  readonly isClients?: boolean
  /** Nothing that a client should notice at all. */
  readonly isHarmless?: boolean
  react(answer: Answer): Reaction
}

export const SOAK_FAULTS: readonly SoakFault[] = [
  { name: '500', rows: '6', mayBreak: false, react: () => fail(500) },
  { name: '502 with HTML', rows: '21', mayBreak: false, react: () => html(502) },
  { name: '529', rows: '9', mayBreak: false, react: () => fail(529) },
  { name: '429', rows: '1', mayBreak: false, react: () => fail(429, { headers: { 'retry-after': '1' } }) },
  { name: '400', rows: '16', mayBreak: false, isClients: true, react: () => fail(400) },
  { name: '408', rows: '19', mayBreak: false, react: () => fail(408) },
  { name: '200 with HTML', rows: '21', mayBreak: false, react: () => html() },
  { name: '200 without a body', rows: '22', mayBreak: false, react: () => empty() },
  { name: 'redirect', rows: '20', mayBreak: false, react: () => redirect('http://127.0.0.1:1/') },
  {
    name: 'gzip',
    rows: '24',
    mayBreak: false,
    react: (answer) => answerWith(answer, headers({ 'content-encoding': 'gzip' })),
  },
  {
    name: 'early hints',
    rows: '25',
    mayBreak: false,
    isHarmless: true,
    react: (answer) => answerWith(answer, informational(103)),
  },
  { name: 'overload as first event', rows: '11', mayBreak: false, react: () => failInStream(529) },
  { name: 'reset before the head', rows: '27', mayBreak: false, react: () => drop() },
  { name: 'not HTTP', rows: '29', mayBreak: false, react: () => wire('no such protocol\r\n\r\n', cut()) },
  {
    name: 'silence before the head',
    rows: '30',
    mayBreak: false,
    react: (answer) => answerWith(answer, beforeHead(stall())),
  },
  {
    name: 'reset behind content',
    rows: '29',
    mayBreak: true,
    react: (answer) => answerWith(answer, after('content', cut())),
  },
  {
    name: 'FIN behind content',
    rows: '28',
    mayBreak: true,
    react: (answer) => answerWith(answer, framing('close'), after('content', finish())),
  },
  {
    name: 'error behind content',
    rows: '40',
    mayBreak: true,
    react: (answer) => answerWith(answer, after('content', errorEvent(500))),
  },
  {
    name: 'silence behind content',
    rows: '31',
    mayBreak: true,
    react: (answer) => answerWith(answer, after('content', stall())),
  },
  {
    name: 'byte by byte',
    rows: '35',
    mayBreak: false,
    isHarmless: true,
    react: (answer) => answerWith(answer, slice(7)),
  },
  {
    name: 'pings',
    rows: '38',
    mayBreak: false,
    isHarmless: true,
    react: (answer) => (request) =>
      answerWith(answer, ...(request.stream ? [after('content', ping(), ping())] : []))(request),
  },
]
