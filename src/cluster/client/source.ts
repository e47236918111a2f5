import { isKind, kindInfo } from '../../component/kind.ts'
import { VertigoError } from '../../base/errors.ts'
import { isNetworkBuilder } from '../../component/builder-types.ts'
import type { Guarantee, Json, Network } from '../../model/network.ts'
import type { NetworkSource, WrittenNetwork } from '../../run/load-network.ts'
import { asKind } from '../../worker/make-instance.ts'
import type { Load } from '../../worker/worker.ts'
import { baseUrl } from '../../worker/loading/address.ts'

/** One component, to be deployed by itself: as a network of its own, whose ports are those of the component. */
export interface ComponentSource {
  /** Address of a kind or of a function, as networks have them: `log`, `./add.ts`, `./math.ts#add`, a package. */
  readonly component: string
  /** Of the network, and of the component in it. Default: the last word of the address. */
  readonly name?: string
  readonly config?: { readonly [field: string]: Json }
  readonly instances?: number
  /** Of the network. Default: that of a new network, or of the one that is there. */
  readonly guarantee?: Guarantee
  /** Folder that the address is relative to, as a path. Default: the current one. */
  readonly from?: string
}

/** A network's file or module (path or URL); a module of one component; or one component. */
export type DeploymentSource = string | URL | ComponentSource

/** Whether it is a single component, made a network of here. */
export function isAlone(source: NetworkSource | WrittenNetwork): boolean {
  return typeof source === 'object' && !(source instanceof URL) && !isNetworkBuilder(source)
}

/** What there is to read; a module that exports a component instead of a network is that component. */
export async function readableSource(
  source: DeploymentSource,
  load: Load,
): Promise<NetworkSource | WrittenNetwork> {
  if (typeof source === 'object' && !(source instanceof URL)) return componentNetwork(source, load)
  const address = source instanceof URL ? source.href : source
  if (!/\.[cm]?[jt]s$/.test(address)) return source
  const url = baseUrl(address).href
  let exported: unknown
  try {
    exported = await load({ address: url, base: url })
  } catch {
    // Reading it as a network says why.
    return source
  }
  if (isNetworkBuilder(exported) || !(isKind(exported) || typeof exported === 'function')) return source
  return componentNetwork({ component: url }, load)
}

async function componentNetwork(source: ComponentSource, load: Load): Promise<WrittenNetwork> {
  const { component: kind, name = nameOf(kind), config, instances, guarantee, from = process.cwd() } = source
  const base = baseUrl(`${from.replace(/[/\\]$/, '')}/`).href
  const { inputs, outputs } = kindInfo(asKind(await load({ address: kind, base }), kind))
  const ports = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((port) => [port, `${name}.${port}`]))
  const network: Network = {
    name,
    ...(guarantee !== undefined && { guarantee }),
    components: {
      [name]: {
        kind,
        ...(config !== undefined && { config }),
        ...(instances !== undefined && { instances }),
      },
    },
    connections: [],
    exports: { inputs: ports(inputs), outputs: ports(outputs) },
  }
  return { network, base }
}

/** `add` of `./math.ts#add`, `split-words` of `./split-words.ts`. Errors: USAGE. */
function nameOf(address: string): string {
  const [path = '', fragment = ''] = address.split(/#+/)
  const last = path.split(/[/\\]/).findLast((part) => part !== '') ?? ''
  const name = fragment === '' ? last.replace(/\.[cm]?[jt]s$/, '') : fragment
  if (/^[A-Za-z0-9_-]+$/.test(name)) return name
  throw new VertigoError('USAGE', `No name for the component can be made of "${address}".`, {
    remedy: 'Give one: `--name <name>`.',
  })
}
