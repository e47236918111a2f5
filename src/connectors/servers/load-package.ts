import { VertigoError } from '../../base/errors.ts'

/**
 * Loads the client of a server, which users install beside this package: few networks need any, and none needs all.
 * Errors: PACKAGE_NOT_FOUND, which names the package.
 *
 * @param load Imports it; a function, so that bundlers and the check of imports see a plain `import(...)`.
 */
export async function loadPackage<T>(name: string, component: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new VertigoError(
      'PACKAGE_NOT_FOUND',
      `${component} needs the package ${name}, which is not installed.`,
      { cause, place: { component }, remedy: `Install it beside vertigo-flow: \`npm install ${name}\`.` },
    )
  }
}
