import { NetworkAgent } from '../../../src/cluster/agent/network-agent.ts'
import { SnapshotCommit } from '../../../src/cluster/control/snapshot-commit.ts'
import { SnapshotLoop } from '../../../src/cluster/control/snapshot-loop.ts'
import { Inbox } from '../../../src/messaging/inbox.ts'
import type { InputChannel } from '../../../src/messaging/input-channel.ts'
import type { BareParcel } from '../../../src/messaging/parcel.ts'
import type { FileReference, InstanceManifest, SnapshotManifest } from '../../../src/snapshot/manifest.ts'
import { Leadership } from '../../../src/store/recipes/index.ts'
import type { Transaction } from '../../../src/store/store.ts'
import { StorageLine } from '../../../src/testkit/cluster/storage-line.ts'
import { Alignment } from '../../../src/worker/snapshots/alignment.ts'
import { ComponentCut } from '../../../src/worker/snapshots/component-cut.ts'
import { PartInWork } from '../../../src/worker/snapshots/instance-parts.ts'
import { SourceInstance } from '../../../src/worker/source-instance.ts'
import { Tracker } from '../../../src/worker/tracking/tracker.ts'
import type { Saved } from '../../../src/worker/snapshots/saved.ts'
import { both, changed, type Method, type Mutation } from '../mutations.ts'

/** What keeps exactly-once, broken on purpose: what the simulation must find. See `../mutations.ts`. */

const wrong = /the state of|AssertionError/

interface Taken {
  readonly plan: { readonly generation: number; readonly done: readonly Copy[] }
  readonly incarnation: number
}

interface Copy {
  readonly component: string
  readonly index: number
}

export const exactMutations: readonly Mutation[] = [
  {
    name: 'a commit does not compare the plan',
    finds: /SX-2 snapshot .* is committed in generation/,
    faults: ['storeSlow', 'workerDies', 'componentThrows'],
    seed: 14,
    apply: () =>
      changed(Leadership.prototype, 'transact', (transact) => (transaction, ...rest) => {
        const { compare = [], then = [] } = transaction as Transaction
        const isCommit = then.some((one) => one.type === 'put' && one.key.endsWith('/snapshots/committed'))
        const left = isCommit ? compare.filter((one) => !one.key.endsWith('/plan')) : compare
        return transact({ ...(transaction as Transaction), compare: left }, ...rest)
      }),
  },
  {
    name: 'a recovery keeps what was on its way',
    finds: wrong,
    faults: ['workerDies', 'componentThrows'],
    seed: 4,
    apply: keepsFrames,
  },
  {
    name: 'what was written for a snapshot that came to nothing is not written again',
    finds: wrong,
    faults: ['storageFails', 'storageGone', 'workerDies'],
    seed: 2,
    apply: () => changed(PartInWork.prototype, 'giveBack', () => () => undefined),
  },
  {
    name: 'a cut does not wait for the barriers of some inputs',
    finds: wrong,
    seed: 4,
    apply: () =>
      changed(
        Alignment.prototype,
        'hasCome',
        (hasCome) => (channel) => (channel as InputChannel).id % 2 === 0 || hasCome(channel),
      ),
  },
  {
    name: 'a recovery goes back to the newest snapshot, committed or not',
    finds: wrong,
    faults: ['storeSlow', 'storageFails', 'killAtStep', 'workerDies', 'killManager'],
    seed: 21,
    apply: restoresNewest,
  },
  {
    name: 'a tracked message is acknowledged at the cut, committed or not',
    finds: /TT-1/,
    seed: 7,
    hasOuter: true,
    apply: () =>
      changed(Tracker.prototype, 'cut', (cut, tracker: Tracker) => (snapshot) => {
        cut(snapshot)
        tracker.committed(snapshot as number)
      }),
  },
  {
    name: 'a source that had finished is forgotten',
    finds: wrong,
    seed: 19,
    apply: forgetsDone,
  },
  {
    name: 'a source goes on from where it began',
    finds: wrong,
    seed: 1,
    apply: () =>
      changed(
        SourceInstance.prototype,
        'restore',
        (restore) => (saved) => restore({ ...(saved as Saved), positions: undefined }),
      ),
  },
  {
    name: 'a cut loses open timers',
    finds: /SX-5/,
    seed: 65,
    apply: () =>
      changed(ComponentCut.prototype, 'saved', (saved) => (...args) => {
        const all = saved(...args) as Saved
        return { ...all, timers: [] }
      }),
  },
  {
    name: 'a cut loses what barriers have overtaken',
    finds: wrong,
    seed: 4,
    apply: () =>
      changed(ComponentCut.prototype, 'saved', (saved) => (...args) => {
        const all = saved(...args) as Saved
        return { ...all, channels: [] }
      }),
  },
  {
    name: 'an id is used for two snapshots',
    finds: /SX-1/,
    seed: 1,
    apply: () =>
      changed(SnapshotLoop.prototype, 'allocated', (allocated) => async () => {
        const event = (await allocated()) as { readonly type: string; readonly id?: number }
        return event.id === undefined ? event : { ...event, id: event.id - (event.id % 2) }
      }),
  },
  {
    name: 'a file of a snapshot is lost',
    finds: /SX-3/,
    seed: 1,
    apply: () => {
      let count = 0
      return changed(StorageLine.prototype, 'write', (write) => async (name, ...rest) => {
        if (++count % 7 !== 0 || (name as string).endsWith('/manifest')) await write(name, ...rest)
        else for await (const _ of rest[0] as AsyncIterable<Uint8Array>);
      })
    },
  },
  {
    name: 'what has changed is left out where it would be in the manifest',
    finds: wrong,
    faults: ['workerDies', 'componentThrows'],
    seed: 1,
    apply: () =>
      changed(PartInWork.prototype, 'store', (store) => async (...args) => {
        const part = (await store(...args)) as InstanceManifest
        const isLeftOut = ({ kind, inline }: FileReference): boolean =>
          kind === 'increment' && inline !== undefined
        return { ...part, files: part.files.filter((file) => !isLeftOut(file)) }
      }),
  },
  {
    name: 'two snapshots are in flight',
    finds: /SX-4/,
    seed: 1,
    apply: () =>
      changed(SnapshotLoop.prototype, 'begin', (begin) => (effect, to) => {
        begin(effect, to)
        begin({ ...(effect as object), id: (effect as { id: number }).id + 1 }, to)
      }),
  },
]

/** What waits in a channel when its instance ends is there for the channel of the same name of the next generation. */
function keepsFrames(): () => void {
  const left = new Map<string, BareParcel[]>()
  return both(
    changed(Inbox.prototype, 'discardAll', (discardAll, inbox: Inbox) => () => {
      for (const { name, isEmpty, ...channel } of inbox.all)
        if (name !== '' && !isEmpty) left.set(name, queueOf(channel))
      discardAll()
    }),
    changed(Inbox.prototype, 'activate', (activate) => (channel) => {
      const { name } = channel as InputChannel
      const parcels = left.get(name) ?? []
      left.delete(name)
      if (parcels.length > 0) (channel as InputChannel).restore(parcels)
      activate(channel)
    }),
  )
}

function queueOf(channel: object): BareParcel[] {
  const { queue, head } = channel as { readonly queue: readonly BareParcel[]; readonly head: number }
  return queue.slice(head).filter(({ items, group }) => items.length > 0 && group === 0)
}

/** The manifest of what was gathered last is what agents restore. */
function restoresNewest(): () => void {
  let newest: SnapshotManifest | undefined
  return both(
    changed(SnapshotCommit.prototype, 'write', (write) => (effect, taken) => {
      const { id, parts } = effect as {
        readonly id: number
        readonly parts: ReadonlyMap<number, InstanceManifest>
      }
      const { plan, incarnation } = taken as Taken
      const { generation } = plan
      newest = {
        network: 'net',
        incarnation,
        generation,
        id,
        predecessor: null,
        instances: [...parts.values()],
      }
      return write(effect, taken)
    }),
    changed(NetworkAgent.prototype, 'assign', (assign) => (plan, versions, snapshot) => {
      assign(plan, versions, snapshot === undefined ? undefined : newest)
    }),
  )
}

/** Manifests are without the parts of what is done. */
function forgetsDone(): () => void {
  let done: readonly Copy[] = []
  return both(
    changed(SnapshotCommit.prototype, 'write', (write: Method) => (effect, taken) => {
      ;({ done } = (taken as Taken).plan)
      return write(effect, taken)
    }),
    changed(SnapshotCommit.prototype, 'manifestOf', (manifestOf) => async (...args) => {
      const manifest = (await manifestOf(...args)) as SnapshotManifest
      const isDone = ({ component, instance }: InstanceManifest): boolean =>
        done.some((one) => one.component === component && one.index === instance)
      return { ...manifest, instances: manifest.instances.filter((part) => !isDone(part)) }
    }),
  )
}
