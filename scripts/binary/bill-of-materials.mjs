/**
 * What a release is made of, as CycloneDX 1.6: the libraries whose code is in the bundle, by version and by the digest
 * in the lock file, and the runtime around them. Build tools are not in it, because they are not in the release.
 *
 * https://cyclonedx.org/docs/1.6/json/
 */

/**
 * In: package.json and package-lock.json as objects, the bundle's licence texts, which name its libraries, and the
 * runtime. Out: the document. Throws when the lock file does not know a library in this version.
 */
export function createBillOfMaterials({ manifest, lock, licenses, runtime }) {
  const self = `pkg:npm/${manifest.name}@${manifest.version}`
  const components = [...readLibraries(licenses)].map(([name, version]) => describeLibrary(name, version, lock))
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': self,
        name: manifest.name,
        version: manifest.version,
        licenses: [{ license: { id: manifest.license } }],
        purl: self,
      },
    },
    components: [
      ...components,
      {
        type: 'platform',
        'bom-ref': `pkg:npm/${runtime.name}@${runtime.version}`,
        name: runtime.name,
        version: runtime.version,
        purl: `pkg:npm/${runtime.name}@${runtime.version}`,
      },
    ],
  }
}

/** The titles of the licence texts: `name version: LICENSE`. A library that has several is one library. */
function readLibraries(licenses) {
  return new Map([...licenses.matchAll(/^(\S+) (\d\S*): \S+$/gm)].map(([, name, version]) => [name, version]))
}

function describeLibrary(name, version, lock) {
  const entry = Object.entries(lock.packages).find(
    ([path, { version: locked }]) => path.endsWith(`node_modules/${name}`) && locked === version,
  )?.[1]
  if (entry === undefined) throw new Error(`package-lock.json does not know ${name} ${version}`)
  // The scope's @ is the only letter of a package's name that a purl wants escaped.
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    hashes: [
      { alg: 'SHA-512', content: Buffer.from(entry.integrity.replace('sha512-', ''), 'base64').toString('hex') },
    ],
    licenses: [{ license: { id: entry.license } }],
    purl,
  }
}
