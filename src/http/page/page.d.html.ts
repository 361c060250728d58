/**
 * What page.html is to the code that serves it; scripts/bundle-page.mjs makes it so.
 */

/** The whole page: the markup with its styles and its script in it. */
export declare const html: string
/** Of the styles and of the script, as a Content-Security-Policy names them. */
export declare const hashes: { readonly style: string; readonly script: string }
