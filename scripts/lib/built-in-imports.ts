/**
 * Imports of Node's own modules, rewritten for the bundles. For an import, Node makes a module with all that its own one
 * exports, and loads whatever stands behind each of them: 4 ms for `node:fs`, 3 ms for `node:util`, in each process and each
 * thread that starts. What `process.getBuiltinModule` gives is there already.
 */

/** Lines stay where they are. */
const importOf = /^import (?:(\w+)|\{([^}]*)\}) from '(node:[\w/]+)'$/gm

export interface Rewritten {
  readonly text: string
  /** Node's modules that the text needs at once, as `node:fs`. */
  readonly builtIns: readonly string[]
}

export function rewriteBuiltInImports(source: string): Rewritten {
  const builtIns: string[] = []
  const text = source.replace(
    importOf,
    (_, whole: string | undefined, names: string | undefined, id: string) => {
      builtIns.push(id)
      const taken =
        whole ??
        `{${(names ?? '').replace(/\btype \w+( as \w+)?,?/g, '').replace(/\b(\w+) as (\w+)\b/g, '$1: $2')}}`
      return `const ${taken} = process.getBuiltinModule('${id}')`
    },
  )
  return { text, builtIns }
}
