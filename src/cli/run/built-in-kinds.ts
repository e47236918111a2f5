import { VertigoError } from '../../base/errors.ts'
import type { CodeBridgeHost } from '../../run/types.ts'

export { builtInKind, builtInNames } from '../../built-in-kinds.ts'

/** A network run by the command has no code beside it: a `feeder` would wait for ever. */
export async function createBridge(): Promise<CodeBridgeHost> {
  const refuse = (component: string): never => {
    throw new VertigoError(
      'BRIDGE_MISSING',
      `${component}: exchanges messages with code, but \`vertigo run\` runs a network without any`,
      { place: { component } },
    )
  }
  return { input: refuse, output: refuse, fail: () => undefined, close: () => undefined }
}

/** For `run`: the address of this module, in the sources and in the package. */
export const builtInKindsUrl = import.meta.url
