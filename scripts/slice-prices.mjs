/**
 * Cuts src/usage/price-table.ts out of the data of @pydantic/genai-prices (MIT): the text models of the vendors that
 * accounts commonly lead to, and of their prices what token counts can be multiplied with. Run it after an update of the
 * package; a test holds the table to it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findProvider } from '@pydantic/genai-prices'

/**
 * Vendors whose names for models are their own. Resellers are left out: they have other prices for the same names. So is
 * DeepSeek, whose prices change with the hour.
 */
const VENDORS = ['anthropic', 'openai', 'google', 'mistral', 'moonshotai', 'x-ai']
/** Prices that ended before this day are left out. Move it on when the package is updated. */
const SINCE = '2026-11-01'
/** In the order of the table. Writes without a split are five-minute ones. */
const KINDS = ['input_mtok', 'output_mtok', 'cache_read_mtok', 'cache_write_mtok', 'cache_write_1h_mtok']
/** What such models turn out is not priced as text. */
const OTHER_OUTPUT = ['output_image_mtok', 'output_audio_mtok', 'output_video_mtok']
/** Long gone, not made for text, or of another vendor: Google sells Claude at prices of its own. */
const UNWANTED = [
  /^(ada|babbage|curie|davinci|text-|ft:|claude-(2|v1)|gpt-3|gpt-4-(32k|vision)|gemini-(1|pro|flash-1)|mistral-tiny)/,
  /audio|embed|gpt-oss|image|transcribe/,
]
/** Expressions of the data in the relay's own words, which know `*` alone. */
const EXPRESSIONS = [
  [/^\^(.+)-\\d\{8\}\$$/, (name) => [`${name}-20*`]],
  [/^\^(.+)-\\d\{4\}-\\d\{2\}-\\d\{2\}\$$/, (name) => [`${name}-20*`]],
  [/^\^(.+)-\\d$/, (name) => [`${name}-0*`, `${name}-1*`, `${name}-2*`]],
]

const path = fileURLToPath(new URL('../src/usage/price-table.ts', import.meta.url))
if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(path, slicePrices())

/** The text of the table's module. Throws where the data has a form that is not known here. */
export function slicePrices() {
  const models = VENDORS.flatMap((vendor) => findProvider({ providerId: vendor }).models.filter(isWantedOf(vendor)))
  const rows = models.map(({ match, prices }) => `${patternsOf(match).join(' ')}: ${variantsOf(prices).join('; ')}`)
  return `/**
 * List prices in USD per million tokens. Made by scripts/slice-prices.mjs out of @pydantic/genai-prices; not to be edited.
 *
 * A row holds the patterns of a model's names and, behind the colon, its prices: input, output, read from the cache,
 * written to it, written for an hour; \`-\` where the data has none. \`>200000\` prices all tokens of a request whose input,
 * cached or not, is larger than that. \`@2027-01-01\` holds from that day on.
 */
export const PRICE_TABLE = \`
${rows.join('\n')}
\`
`
}

function isWantedOf(vendor) {
  return ({ id, prices }) => {
    const all = Array.isArray(prices) ? prices : [{ prices }]
    const latest = all.at(-1).prices
    if (UNWANTED.some((names) => names.test(id)) || (vendor === 'google' && id.startsWith('claude'))) return false
    if (all.some(({ constraint }) => constraint?.type === 'time_of_date')) return false
    if (OTHER_OUTPUT.some((kind) => latest[kind] !== undefined)) return false
    return latest.input_mtok !== undefined && latest.output_mtok !== undefined
  }
}

function patternsOf(match) {
  if (match.or) return [...new Set(match.or.flatMap(patternsOf))]
  if (match.equals) return [match.equals]
  if (match.starts_with) return [`${match.starts_with}*`]
  if (match.ends_with) return [`*${match.ends_with}`]
  if (match.contains) return [`*${match.contains}*`]
  // Models that speak are told apart by names of their own, which come first because they are longer.
  if (match.and?.[1]?.regex?.includes('[tT][tT][sS]')) return patternsOf(match.and[0])
  for (const [form, translate] of EXPRESSIONS) {
    const name = form.exec(match.regex ?? '')?.[1]
    if (name !== undefined) return translate(name.replaceAll('\\.', '.'))
  }
  throw new Error(`a new way to match models: ${JSON.stringify(match)}`)
}

/** Dated prices as they follow each other, each with its steps. */
function variantsOf(prices) {
  const all = Array.isArray(prices) ? prices : [{ prices }]
  const isOver = (position) => (all[position + 1]?.constraint?.start_date ?? '9999') <= SINCE
  return all.flatMap(({ constraint, prices: variant }, position) => {
    if (isOver(position)) return []
    const start = constraint?.start_date ?? ''
    const from = start > SINCE ? `@${start} ` : ''
    return [undefined, ...startsOf(variant)].map((step) => {
      const numbers = KINDS.map((kind) => priceAt(variant[kind], step) ?? '-').join(' ')
      return `${from}${step === undefined ? '' : `>${step} `}${numbers.replace(/( -)+$/, '')}`
    })
  })
}

/** The sizes of input beyond which other prices hold. */
function startsOf(variant) {
  const starts = KINDS.flatMap((kind) => (variant[kind]?.tiers ?? []).map(({ start }) => start))
  return [...new Set(starts)].toSorted((a, b) => a - b)
}

function priceAt(price, step) {
  if (typeof price !== 'object') return price
  return price.tiers.findLast(({ start }) => step !== undefined && start <= step)?.price ?? price.base
}
