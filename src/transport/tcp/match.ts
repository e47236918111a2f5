import type { Hello, Identity, Refusal, Versions } from './hello.ts'

/** Who an end is and whom it means: the part of a hello that does not change. */
export interface Pairing {
  readonly versions: Versions
  readonly cluster: string
  readonly network: string | null
  readonly self: Identity
}

export function showIdentity({ node, worker }: Identity): string {
  return worker === null ? `node "${node}"` : `worker ${worker} of node "${node}"`
}

export function sameIdentity(one: Identity, other: Identity): boolean {
  return one.node === other.node && one.worker === other.worker
}

/** The highest version that both speak. */
export function chooseVersion(own: Versions, theirs: Versions): number | undefined {
  const version = Math.min(own.max, theirs.max)
  return version >= own.min && version >= theirs.min ? version : undefined
}

/** Why a hello is not for this end; undefined where it is. */
export function mismatch(own: Pairing, hello: Hello): Refusal | undefined {
  if (chooseVersion(own.versions, hello.versions) === undefined) return versionRefusal(own, hello)
  if (hello.cluster !== own.cluster) {
    return unexpected(`cluster "${own.cluster}" was reached from cluster "${hello.cluster}"`)
  }
  if (hello.network !== own.network) {
    return unexpected(`${showNetwork(own.network)} was reached from ${showNetwork(hello.network)}`)
  }
  if (!sameIdentity(hello.to, own.self)) {
    return unexpected(`${showIdentity(own.self)} was reached in place of ${showIdentity(hello.to)}`)
  }
  return undefined
}

function versionRefusal(own: Pairing, hello: Hello): Refusal {
  const message = `${showIdentity(own.self)} speaks ${range(own.versions)} of the protocol, ${showIdentity(hello.from)} ${range(hello.versions)}`
  return { code: 'LINK_VERSION_UNFIT', message }
}

function range({ min, max }: Versions): string {
  return min === max ? `version ${min}` : `versions ${min} to ${max}`
}

function showNetwork(network: string | null): string {
  return network === null ? 'the control connection of a node' : `network "${network}"`
}

function unexpected(message: string): Refusal {
  return { code: 'LINK_PEER_UNEXPECTED', message }
}
