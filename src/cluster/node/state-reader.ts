import { Buffer } from 'node:buffer'
import { type Clock, machineClock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { StoresModule } from '../../run/types.ts'
import { lookUp, ownerOf } from '../../snapshot/look-up.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import { getManifest } from '../../snapshot/stored-manifest.ts'
import { encodeKey } from '../../state/keys.ts'
import type { ListedSnapshot, Management, StateAccess, StateQuery, StateReading } from '../client/index.ts'
import type { VersionRecord } from '../protocol/index.ts'
import type { NodeOptions } from './node-options.ts'
import { defaultSnapshotAddress } from './snapshot-place.ts'

export interface StateReaderMeans {
  readonly management: Pick<Management, 'snapshots' | 'version'>
  readonly clock: Clock
  /** Where snapshots are of networks that do not say it. */
  readonly defaultAddress: string | undefined
  readonly openStorage: (address: string) => Promise<SnapshotStorage>
}

/** As a node reads it. */
export function stateReader(options: NodeOptions, management: StateReaderMeans['management']): StateReader {
  return new StateReader({
    management,
    clock: machineClock,
    defaultAddress: options.snapshots ?? defaultSnapshotAddress(options.storeUrl),
    openStorage: async (address) =>
      ((await import(options.stores)) as StoresModule).openSnapshotStorage(address, machineClock),
  })
}

/** Reads state out of snapshots, for people: what runs is not asked, and not held up. */
export class StateReader implements StateAccess {
  private readonly means: StateReaderMeans

  constructor(means: StateReaderMeans) {
    this.means = means
  }

  async get(
    network: string,
    { component, key, snapshot: wanted }: StateQuery,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<StateReading> {
    const { management, clock } = this.means
    const snapshot = await this.snapshot(network, wanted)
    const version = await management.version(network, snapshot.version, options)
    checkComponent(version, component)
    const { id, incarnation, committedAtMs } = snapshot
    const encoded = encodeKey(key)
    const storage = await this.open(version.flat.snapshot?.storage)
    try {
      const manifest = await getManifest(storage, snapshot.manifest, { network, incarnation, id }, options)
      const part = ownerOf(manifest, component, encoded)
      const found = part && (await lookUp(part, encoded, manifest, storage, options))
      if (part === undefined || found === undefined) throw unknownKey(component, key, id)
      const { instance, states, changedMs } = found
      const { stateVersion } = part
      const ageMs = clock.now() - committedAtMs
      return {
        network,
        component,
        key: plain(found.key),
        states: Object.fromEntries(Object.entries(states).map(([name, value]) => [name, plain(value)])),
        ...(changedMs !== undefined && { changedMs }),
        instance,
        stateVersion,
        snapshot: { id, incarnation, version: snapshot.version, committedAtMs, ageMs },
      }
    } finally {
      await storage.close()
    }
  }

  private async snapshot(network: string, wanted: string | undefined): Promise<ListedSnapshot> {
    const { snapshots } = this.means.management
    if (wanted !== undefined) return snapshots.show(network, wanted)
    const { snapshots: all } = await snapshots.list(network)
    // A network that has stopped has a last one, which it does not go on from.
    const found = all.find(({ isCurrent }) => isCurrent) ?? all[0]
    if (found !== undefined) return found
    throw new VertigoError('SNAPSHOT_UNKNOWN', `The network "${network}" has no snapshot yet.`, {
      remedy:
        'Snapshots are taken of networks with a guarantee: `guarantee: exactly-once`, or `at-least-once`.',
    })
  }

  private open(address: string | undefined): Promise<SnapshotStorage> {
    const { defaultAddress, openStorage } = this.means
    const found = address ?? defaultAddress
    if (found === undefined)
      throw new VertigoError('SNAPSHOT_STORAGE_UNSET', 'There is no place for snapshots.')
    return openStorage(found)
  }
}

function checkComponent({ flat, kinds }: VersionRecord, component: string): void {
  if (!Object.hasOwn(flat.components, component)) {
    const near = didYouMean(component, Object.keys(flat.components))
    throw new VertigoError(
      'COMPONENT_UNKNOWN',
      `The network "${flat.name}" has no component "${component}".${near}`,
    )
  }
  if (kinds[component]?.keyedState === true) return
  throw new VertigoError('STATE_NOT_KEYED', `${component} of "${flat.name}" has no keyed state.`)
}

function unknownKey(component: string, key: unknown, snapshot: number): VertigoError {
  return new VertigoError(
    'STATE_KEY_UNKNOWN',
    `Snapshot ${snapshot} has nothing for the key ${JSON.stringify(key)} in the state of ${component}.`,
  )
}

/** As JSON, for people: what that does not have is written as what is nearest. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (value === undefined || (typeof value === 'number' && !Number.isFinite(value)))
    return value === undefined ? null : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Map) return [...value].map(plain)
  if (value instanceof Set) return [...value].map(plain)
  if (value instanceof Error) return { name: value.name, message: value.message }
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}
