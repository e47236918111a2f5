import { isLoopback } from '../../base/loopback.ts'
import { VertigoError } from '../../base/errors.ts'
import type { ClusterRecord, NodeRecord } from '../protocol/index.ts'

/**
 * Whether a node belongs to the cluster that it is about to join. A cluster is its name in a store: two that were given the
 * same name and store by mistake are told apart by what nodes of one cluster always have in common.
 *
 * - AD-1 Nodes of one cluster speak one version of the protocol, trust one authority (or none, all of them), and reach each
 *   other.
 * - AD-2 A node never goes over from one cluster to another: what it finds when it comes again is what it had left.
 */

/** What of a node says where it belongs. */
export type Belonging = Pick<
  NodeRecord,
  'id' | 'version' | 'protocol' | 'authorities' | 'machine' | 'control'
>

/** Why two nodes cannot be of one cluster; undefined where they can. Links between them would be refused or lead nowhere. */
export function misfit(cluster: string, own: Belonging, other: Belonging): VertigoError | undefined {
  return otherProtocol(own, other) ?? otherAuthority(cluster, own, other) ?? outOfReach(cluster, own, other)
}

/** Why the cluster in the store is not that which a node was a member of. */
export function replaced(
  cluster: string,
  incarnation: string,
  found: ClusterRecord | undefined,
): VertigoError | undefined {
  if (found?.incarnation === incarnation) return undefined
  const what = found === undefined ? 'is not in the store any more' : 'in the store is another one now'
  return new VertigoError(
    'CLUSTER_REPLACED',
    `The cluster "${cluster}" that this node was a member of ${what}.`,
  )
}

function otherProtocol({ protocol: own }: Belonging, other: Belonging): VertigoError | undefined {
  const { id, version, protocol } = other
  if (own.min <= protocol.max && protocol.min <= own.max) return undefined
  return new VertigoError(
    'LINK_VERSION_UNFIT',
    `The node "${id}" runs Vertigo ${version}, which speaks versions ${protocol.min} to ${protocol.max} of the protocol; this one speaks ${own.min} to ${own.max}.`,
  )
}

/** Nodes of versions that did not say yet whom they trust are let be. */
function otherAuthority(
  cluster: string,
  { authorities: own }: Belonging,
  { id, authorities: other }: Belonging,
): VertigoError | undefined {
  if (own === undefined || other === undefined) return undefined
  if (own.length === 0 && other.length === 0) return undefined
  if (own.some((authority) => other.includes(authority))) return undefined
  const how =
    own.length === 0
      ? 'which wants TLS between its nodes; this one has no certificate'
      : other.length === 0
        ? 'which has no TLS between its nodes; this one wants it'
        : 'whose certificates are of another authority than those of this one'
  return foreign(
    cluster,
    id,
    how,
    'where it is the same one, give all its nodes certificates of one authority (`--tls-ca`, `--tls-cert`, `--tls-key`), or none of them',
  )
}

/** On loopback a node is reached from its own machine only. */
function outOfReach(cluster: string, own: Belonging, other: Belonging): VertigoError | undefined {
  const [here, there] = [bootOf(own), bootOf(other)]
  if (here === undefined || there === undefined || here === there) return undefined
  const local = [own, other].find(({ control }) => isLoopback(control.host))
  if (local === undefined) return undefined
  const { host, port } = local.control
  const whose = local === own ? 'this one' : 'that'
  return foreign(
    cluster,
    other.id,
    `on another machine, and ${whose} listens on ${host}:${port}, which only its own machine reaches`,
    'where it is the same one, let each node listen where the others reach it: `--listen <host>`',
  )
}

function foreign(cluster: string, node: string, how: string, remedy: string): VertigoError {
  return new VertigoError(
    'CLUSTER_FOREIGN',
    `The store has a cluster "${cluster}" with the node "${node}", ${how}.`,
    {
      remedy: `Where that is another cluster, give this one a name of its own (\`--cluster <name>\`) or another store; ${remedy}.`,
    },
  )
}

/** Of the machine, where a node could tell: two machines never have the same. */
function bootOf({ machine }: Belonging): string | undefined {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?= |$)/.exec(machine)?.[0]
}
