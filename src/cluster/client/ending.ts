import { VertigoError } from '../../base/errors.ts'
import { get } from '../../store/operations.ts'
import type { CallOptions, Entry, Store } from '../../store/store.ts'
import {
  desiredRecord,
  endingVersion,
  type NetworkKeys,
  type NetworkVersion,
  outcomeRecord,
  type Plan,
  planRecord,
  type UndeployedFacts,
  type VersionRecord,
  versionRecord,
} from '../protocol/index.ts'

/** What was undeployed and still comes to its end, though the network is deployed again (DE-9), for who asks something of it meanwhile. */

/** With the record of the plan's version, where that may be such. */
export async function undeployedFacts(
  store: Pick<Store, 'get'>,
  keys: NetworkKeys,
  facts: Omit<UndeployedFacts, 'versions'>,
  options: CallOptions,
): Promise<UndeployedFacts> {
  const { desired, plan } = facts
  const versions = new Map<NetworkVersion, VersionRecord>()
  const mayEnd = plan !== undefined && desired.begunWith !== undefined && plan.version < desired.begunWith
  const { entry } = mayEnd ? await store.get(keys.version(plan.version), options) : {}
  if (mayEnd && entry !== undefined) versions.set(plan.version, versionRecord.decode(entry))
  return { ...facts, versions }
}

export interface ReadUndeployed {
  readonly desired: Entry | undefined
  readonly outcome: Entry | undefined
  /** Undefined: there is no such network. */
  readonly facts: UndeployedFacts | undefined
}

/** As the store has them at one revision. */
export async function readUndeployed(
  store: Pick<Store, 'get' | 'transact'>,
  keys: NetworkKeys,
  options: CallOptions,
  decodePlan: (entry: Entry) => Plan = (entry) => planRecord.decode(entry),
): Promise<ReadUndeployed> {
  const { results } = await store.transact(
    { then: [get(keys.desired), get(keys.outcome), get(keys.plan)] },
    options,
  )
  const [desired, outcome, plan] = results.map((one) => (one.type === 'get' ? one.entry : undefined))
  if (desired === undefined) return { desired, outcome, facts: undefined }
  const read = {
    desired: desiredRecord.decode(desired),
    outcome: outcome && outcomeRecord.decode(outcome),
    plan: plan && decodePlan(plan),
  }
  return { desired, outcome, facts: await undeployedFacts(store, keys, read, options) }
}

/** A snapshot that is taken now would be that of what ends. Errors: NETWORK_NOT_RUNNING. */
export function checkBegun(network: string, facts: UndeployedFacts): void {
  const ending = endingVersion(facts)
  if (ending === undefined) return
  const { version } = facts.desired
  throw new VertigoError(
    'NETWORK_NOT_RUNNING',
    `Version ${ending} of the network "${network}" was undeployed and still comes to its end; version ${version} begins afresh after that.`,
    { remedy: `Ask again when version ${version} runs: \`vertigo status ${network}\` shows it.` },
  )
}
