/** The lowest Node that the command runs on, as `engines` in package.json says. */
const oldest = [22, 18] as const

/**
 * What the command says in place of running on an older Node; undefined where the Node is new enough. It is text, made of
 * nothing but this, since what makes the text of other errors need not load there.
 */
export function nodeFault(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return undefined
  return (
    `error NODE_UNSUPPORTED: Vertigo needs Node ${oldest.join('.')} or newer; this is Node ${version}.\n` +
    '  fix: Install a newer Node (https://nodejs.org), and look with `node --version` which one comes first on the PATH.\n'
  )
}
