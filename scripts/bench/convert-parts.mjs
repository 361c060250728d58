// What the conversion benchmark takes from the sources, bundled for it alone.
export { FrameScanner } from '../../src/core/sse.ts'
export { capabilitiesOf } from '../../src/protocols/capabilities.ts'
export { hubDownstreams, hubUpstreams } from '../../src/protocols/hub-index.ts'
export { createLedger } from '../../src/protocols/ledger.ts'
export { createNameMap } from '../../src/protocols/names.ts'
