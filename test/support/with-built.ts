/** Loaded first in processes and threads that run bundles: to components of tests, the package is these as well. */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

const inBuilt = pathToFileURL(`${process.env['VERTIGO_TEST_BUILT']}/package.json`).href

registerHooks({
  resolve(specifier, context, next) {
    const isPackage = specifier === 'vertigo-flow' || specifier.startsWith('vertigo-flow/')
    return next(specifier, isPackage ? { ...context, parentURL: inBuilt } : context)
  },
})
