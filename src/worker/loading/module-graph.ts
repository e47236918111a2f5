import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isInPackage } from './module-error.ts'
import { resolveFrom } from './resolve.ts'
import { importsIn, type ImportSite } from './source-text.ts'

/** A module that another one reaches by imports. */
export interface GraphModule {
  readonly url: string
  readonly file: string
  readonly source: string
  readonly imports: readonly (ImportSite & { readonly url: string | undefined })[]
}

/** More modules than a component can reasonably have of its own. */
const modulesMax = 2_000

/**
 * The modules that a module imports, itself first and those near it before those far away; without what packages
 * import themselves. To find the module that an error is in, where Node does not say.
 */
export async function moduleGraph(root: string): Promise<GraphModule[]> {
  const modules: GraphModule[] = []
  const seen = new Set([root])
  for (const url of seen) {
    if (modules.length >= modulesMax) break
    if (!/^file:.*\.[cm]?[jt]s$/.test(url)) continue
    const module = await readModule(url)
    if (module === undefined) continue
    modules.push(module)
    if (isInPackage(url) && !isInPackage(root)) continue
    for (const { url: imported } of module.imports) if (imported !== undefined) seen.add(imported)
  }
  return modules
}

async function readModule(url: string): Promise<GraphModule | undefined> {
  const file = fileURLToPath(url)
  try {
    const source = await readFile(file, 'utf8')
    const imports = importsIn(source).map((site) => ({ ...site, url: resolved(site.specifier, url) }))
    return { url, file, source, imports }
  } catch {
    // What cannot be read has an error of its own.
    return undefined
  }
}

function resolved(specifier: string, from: string): string | undefined {
  try {
    return /^\.{0,2}\//.test(specifier) ? new URL(specifier, from).href : resolveFrom(specifier, from)
  } catch {
    return undefined
  }
}
