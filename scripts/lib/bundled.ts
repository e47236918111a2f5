/**
 * Packages that the build puts into the bundles: the sources import them, but users need not install them, so they are
 * development dependencies.
 */
export const bundledPackages: readonly string[] = ['msgpackr', 'tinyglobby', 'yaml']
