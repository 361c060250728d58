/**
 * Makes the status page one text: `import { html, hashes } from './page/page.html'` brings the markup with its styles and
 * its script inside, small, and the hashes of both for the Content-Security-Policy. A plugin for rolldown and for Vite.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { rolldown } from 'rolldown'

const STYLES = /<link rel="stylesheet" href="(.+?)" \/>/
const SCRIPT = /<script type="module" src="(.+?)"><\/script>/

export function bundlePage() {
  return {
    name: 'bundle-page',
    // Vite would take a page for an entry of its own.
    enforce: 'pre',
    load: {
      filter: { id: /[\\/]page\.html$/ },
      async handler(path) {
        const markup = readFileSync(path, 'utf8')
        const source = (pattern) => join(dirname(path), pattern.exec(markup)[1])
        const style = shrinkStyles(readFileSync(source(STYLES), 'utf8'))
        const script = await bundleScript(source(SCRIPT))
        // Replaced by functions: a `$` in the texts is only a `$`.
        const html = shrinkMarkup(markup)
          .replace(STYLES, () => `<style>${style}</style>`)
          .replace(SCRIPT, () => `<script type="module">${script}</script>`)
        const hashes = { style: hashOf(style), script: hashOf(script) }
        const code = `export const html = ${JSON.stringify(html)}\nexport const hashes = ${JSON.stringify(hashes)}\n`
        return { code, moduleType: 'js' }
      },
    },
  }
}

async function bundleScript(input) {
  const bundler = await rolldown({
    input,
    platform: 'browser',
    // The editor's settings, which a copy of the sources may lack, have nothing to say here.
    tsconfig: false,
    transform: { target: 'es2023' },
  })
  const { output } = await bundler.generate({ format: 'esm', minify: true, comments: false })
  await bundler.close()
  const code = output[0].code.trim()
  if (/<\/script|<!--/i.test(code)) throw new Error(`${input}: the page's script would end its own element`)
  return code
}

/** For styles without text in quotes that has meaningful white space, such as ours. */
function shrinkStyles(css) {
  return css
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([{};,]) ?/g, '$1')
    .replaceAll(/: /g, ':')
    .replaceAll(';}', '}')
    .trim()
}

/** White space at the ends of lines has no meaning in our markup; between words one space has. */
function shrinkMarkup(markup) {
  return markup
    .replaceAll(/\s*\n\s*/g, '\n')
    .replaceAll(/>\n</g, '><')
    .replaceAll('\n', ' ')
    .trim()
}

function hashOf(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
