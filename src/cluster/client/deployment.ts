import { VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { additions, diff, isEmptyChange, merge, removals } from '../../model/diff.ts'
import { flatNetworkSchema } from '../../model/flat-schema.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import { guaranteeInCluster, withGuarantee } from '../../model/guarantee.ts'
import { instancesMax } from '../../model/limits.ts'
import type { KindInfo } from '../../model/kind-info.ts'
import type { Guarantee, Network } from '../../model/network.ts'
import { networkInvalid, placesOfFile } from '../../model/places.ts'
import { checkShape } from '../../model/shape.ts'
import { validateNetwork } from '../../model/validate.ts'
import { isClientPort, type KindFacts, networkTooLarge, type VersionRecord } from '../protocol/index.ts'
import { withClientPorts } from './client-ports.ts'
import { refuseClash } from './name-clash.ts'

/** What is deployed: a network, or a part of one, checked with its code by whoever has that code. */
export interface Deployment {
  /** Without subnets, all addresses complete. */
  readonly part: FlatNetwork
  /** By component of the part. */
  readonly kinds: { readonly [component: string]: KindFacts }
  /** A single component, to be a network of its own and no part of another one. Default false. */
  readonly alone?: boolean
}

/** A network without components, which others may be deployed into later. Errors: NETWORK_INVALID for its name. */
export function bareNetwork(name: string, guarantee?: Guarantee): Deployment {
  const network = { name, ...(guarantee !== undefined && { guarantee }), components: {}, connections: [] }
  const faults = checkShape(network, flatNetworkSchema, placesOfFile(`"${name}"`))
  if (faults.length > 0) throw networkInvalid(faults, `"${name}"`)
  return { part: network, kinds: {} }
}

/** What a version holds. */
export type VersionContent = Pick<VersionRecord, 'flat' | 'kinds'>

/**
 * What becomes of a network by a deployment.
 *
 * - `merge`: what the part names is added or replaced, the rest stays.
 * - `replace`: the network is the part, from now on.
 *
 * With `bare`, a new network may be without components.
 *
 * What a new network does not say of its guarantee is written down with it; a part that says nothing leaves that of the network as it is.
 *
 * Undefined where nothing changes. Errors: NETWORK_INVALID for a whole that does not fit together, NETWORK_TOO_LARGE, NAME_TAKEN.
 */
export async function deployed(
  current: VersionContent | undefined,
  { part, kinds, alone = false }: Deployment,
  { mode = 'merge', bare = false }: { readonly mode?: 'merge' | 'replace'; readonly bare?: boolean } = {},
): Promise<VersionContent | undefined> {
  const isNothing = Object.keys(part.components).length === 0
  const whole = withGuarantee(part)
  if (current === undefined && bare && isNothing) return { flat: whole, kinds: {} }
  if (current === undefined) return checked(withClientPorts({ flat: whole, kinds }))
  const { flat } = current
  if (mode === 'merge') refuseClash(flat, part, alone)
  const next =
    mode === 'replace'
      ? withClientPorts({ flat: whole, kinds })
      : withClientPorts({
          flat: merge(flat, additions(part, flat)) as FlatNetwork,
          kinds: { ...current.kinds, ...kinds },
        })
  return same(flat, next.flat) ? undefined : checked(next)
}

/** What is left of a network when a part is taken out. Undefined where nothing changes. Errors: NETWORK_INVALID. */
export async function undeployed(
  current: VersionContent,
  part: Network,
): Promise<VersionContent | undefined> {
  const flat = merge(current.flat, removals(part, current.flat)) as FlatNetwork
  return same(current.flat, flat) ? undefined : checked(withClientPorts({ flat, kinds: current.kinds }))
}

/** A network with another number of copies of one component. Errors: COMPONENT_UNKNOWN, USAGE, NETWORK_INVALID, NETWORK_TOO_LARGE. */
export async function scaled(
  current: VersionContent,
  component: string,
  instances: number,
): Promise<VersionContent | undefined> {
  const { flat, kinds } = current
  const known = Object.hasOwn(flat.components, component) ? flat.components[component] : undefined
  if (known === undefined || isClientPort(component)) {
    const near = didYouMean(component, Object.keys(flat.components))
    throw new VertigoError(
      'COMPONENT_UNKNOWN',
      `The network "${flat.name}" has no component "${component}".${near}`,
    )
  }
  if (!Number.isInteger(instances) || instances < 1 || instances > instancesMax)
    throw new VertigoError('USAGE', `${component} cannot have ${instances} instances.`, {
      remedy: `Give a whole number from 1 to ${instancesMax}; to take the component out, undeploy it.`,
    })
  if ((known.instances ?? 1) === instances) return undefined
  return checked({
    flat: { ...flat, components: { ...flat.components, [component]: { ...known, instances } } },
    kinds,
  })
}

/** The whole must fit together, not only the part that was checked where it came from. Kinds that are not used are let go. */
async function checked({ flat, kinds }: VersionContent): Promise<VersionContent> {
  const used = Object.fromEntries(
    Object.keys(flat.components).flatMap((name) => {
      const facts = Object.hasOwn(kinds, name) ? kinds[name] : undefined
      return facts === undefined ? [] : [[name, facts] as const]
    }),
  )
  const tooLarge = networkTooLarge(flat)
  if (tooLarge !== undefined)
    throw new VertigoError(tooLarge.code, tooLarge.message, { remedy: tooLarge.remedy })
  const places = placesOfFile(`"${flat.name}"`)
  const faults = await validateNetwork(
    flat,
    (name) => {
      const facts = Object.hasOwn(used, name) ? used[name] : undefined
      return facts === undefined
        ? { error: new VertigoError('KIND_UNKNOWN', `Nothing is known of the kind of ${name}.`) }
        : { info: kindInfoOf(facts) }
    },
    places,
    guaranteeInCluster(flat),
  )
  if (faults.length > 0) throw networkInvalid(faults, places.file)
  return { flat, kinds: used }
}

/** Configurations were checked where the code is; they have not changed since. */
function kindInfoOf(facts: KindFacts): KindInfo {
  const { role, inputs, outputs, keyedState, instanceState, concurrency, rewinds, journal } = facts
  return {
    role,
    inputs,
    outputs,
    keyedState,
    instanceState,
    rewinds,
    ...(concurrency !== undefined && { concurrency }),
    ...(journal !== undefined && { journal }),
    checkConfig: () => Promise.resolve([]),
  }
}

function same(a: FlatNetwork, b: FlatNetwork): boolean {
  return isEmptyChange(diff(a, b))
}
