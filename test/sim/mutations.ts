import { NetworkAgent } from '../../src/cluster/agent/network-agent.ts'
import { RecordWriter } from '../../src/cluster/agent/record-writer.ts'
import type { Plan } from '../../src/cluster/protocol/index.ts'
import { DeathWatch } from '../../src/cluster/control/index.ts'
import { Inbox } from '../../src/messaging/inbox.ts'
import { InputChannel } from '../../src/messaging/input-channel.ts'
import type { Parcel } from '../../src/messaging/parcel.ts'
import { RemoteTarget } from '../../src/messaging/remote.ts'
import { MemoryState } from '../../src/state/memory/memory-state.ts'
import { LeaseHolder } from '../../src/store/recipes/lease-holder.ts'
import type { Transaction } from '../../src/store/store.ts'
import { DeafBackend } from '../../src/testkit/cluster/deaf-backend.ts'
import { SendLog } from '../../src/transport/tcp/send-log.ts'
import { Session } from '../../src/transport/tcp/session.ts'
import { PeerSet } from '../../src/worker/peer-set.ts'
import { Worker } from '../../src/worker/worker.ts'

/**
 * The product, broken on purpose: what the simulation must find. A check that finds none of these would be for show.
 *
 * Each takes the place of one method until it is undone.
 */
export interface Mutation {
  /** What is wrong with the product then. */
  readonly name: string
  /** What the simulation says about it. */
  readonly finds: RegExp
  /** Kinds of faults to look with; all where it is not given. */
  readonly faults?: readonly string[]
  /** A seed that is known to show it, which is looked at first. */
  readonly seed: number
  /** Only networks with journals, tracked messages and the like show it. Default false. */
  readonly hasOuter?: boolean
  /** Gives what undoes it. */
  readonly apply: () => () => void
}

export const mutations: readonly Mutation[] = [
  {
    name: 'a channel hands over parcels backwards',
    finds: /LE-1/,
    seed: 2,
    apply: () =>
      changed(InputChannel.prototype, 'push', (push) => (parcel) => {
        const { items } = parcel as Parcel
        return push({ ...(parcel as Parcel), items: items.toReversed() })
      }),
  },
  {
    name: 'a channel that replaces another one does not wait for its end',
    finds: /LE-1/,
    seed: 429,
    apply: () =>
      changed(Inbox.prototype, 'activate', (activate) => (channel) => {
        Object.assign(channel as InputChannel, { after: undefined })
        return activate(channel)
      }),
  },
  {
    name: 'a link sends again what was received, and the other end takes it',
    finds: /LE-2/,
    faults: ['linesBreak', 'cut'],
    seed: 7,
    apply: () =>
      both(
        changed(
          SendLog.prototype,
          'rewind',
          (rewind, { confirmed }: SendLog) =>
            (number) =>
              rewind(Math.max(confirmed, (number as number) - 2)),
        ),
        takesAll(),
      ),
  },
  {
    name: 'a link forgets what was on its way when a line breaks, and the other end goes on',
    finds: /LE-[34]/,
    faults: ['linesBreak'],
    seed: 7,
    apply: () =>
      both(
        changed(
          SendLog.prototype,
          'rewind',
          (rewind, { last }: SendLog) =>
            () =>
              rewind(last),
        ),
        takesAll(),
        changed(Session.prototype, 'judge', () => () => ({ type: 'fits' })),
      ),
  },
  {
    name: 'a frame in two hundred is lost',
    finds: /LE-[34]/,
    seed: 4,
    apply: () => {
      let count = 0
      return changed(RemoteTarget.prototype, 'deliver', (deliver) => (parcel) => {
        if ((parcel as Parcel).control !== null || ++count % 200 !== 0) return deliver(parcel)
        return 1
      })
    },
  },
  {
    name: 'the first message of a group does not arrive',
    finds: /LE-5/,
    seed: 1,
    apply: () =>
      changed(InputChannel.prototype, 'push', (push) => (parcel) => {
        const { group, items } = parcel as Parcel
        return push(group === 0 ? parcel : { ...(parcel as Parcel), items: items.slice(1) })
      }),
  },
  {
    name: 'all keys share their state',
    finds: /LE-6/,
    seed: 2,
    apply: () => changed(MemoryState.prototype, 'row', (row) => (_encoded, key) => row('all', key)),
  },
  {
    name: 'a worker that is told to hold goes on',
    finds: /WD-1/,
    seed: 2,
    apply: () => changed(Worker.prototype, 'hold', () => () => undefined),
  },
  {
    name: 'a worker goes on to take what one sends that is in its plan no more',
    finds: /WD-2/,
    faults: ['workerStands', 'workerDies'],
    seed: 1,
    apply: () => changed(PeerSet.prototype, 'keepOnly', () => () => undefined),
  },
  {
    name: 'a worker sets up anew with each plan what it runs',
    finds: /WD-3/,
    seed: 2,
    apply: () => {
      const { makePreparation } = Worker.prototype as unknown as Record<string, Method>
      return changed(Worker.prototype, 'makePreparation', (_make, worker: Worker) => (assignment) => {
        const forgetful = Object.create(worker, { running: { value: new Map() } }) as Worker
        return Reflect.apply(makePreparation!, forgetful, [assignment])
      })
    },
  },
  {
    name: 'a node carries out what is planned for others as well',
    finds: /WD-3/,
    seed: 2,
    apply: () => changed(NetworkAgent.prototype, 'mine', () => (plan) => (plan as Plan).workers),
  },
  {
    name: 'a node that has lost its lease lets its workers go on',
    finds: /WD-|not within/,
    faults: ['freeze', 'storeGone'],
    seed: 7,
    apply: () => changed(NetworkAgent.prototype, 'terminate', () => async () => undefined),
  },
  {
    name: 'an agent says of everything that is ready that it has finished',
    finds: /WD-4/,
    seed: 2,
    apply: () =>
      changed(RecordWriter.prototype, 'write', (write) => (record) => {
        const { ready, finished, ...rest } = record as { ready: number[]; finished: number[] }
        return write({ ...rest, ready: [], finished: [...ready, ...finished] })
      }),
  },
  {
    name: 'whoever is suspected is declared dead',
    finds: /WD-5/,
    faults: ['linesBreak', 'cut'],
    seed: 4,
    apply: () => changed(DeathWatch.prototype, 'verdict', () => async () => 'dead'),
  },
  {
    name: 'records are written forty times',
    finds: /SC-4/,
    seed: 2,
    apply: () =>
      changed(DeafBackend.prototype, 'transact', (transact) => async (transaction) => {
        const { then } = transaction as Transaction
        const isReady = then?.some((one) => 'key' in one && one.key.includes('/ready/')) === true
        for (let more = isReady ? 39 : 0; more > 0; more--) await transact(transaction)
        return transact(transaction)
      }),
  },
  {
    name: 'an agent does not prepare every fifth generation',
    finds: /not within/,
    seed: 2,
    apply: () =>
      changed(NetworkAgent.prototype, 'prepare', (prepare) => (plan, view) => {
        if ((plan as { generation: number }).generation % 5 !== 0) prepare(plan, view)
      }),
  },
  {
    name: 'a lease in doubt counts as lost where somebody waits for it',
    finds: /not within/,
    faults: ['clockJumps'],
    seed: 7,
    apply: () =>
      both(
        changed(LeaseHolder.prototype, 'confirm', (_confirm, holder: LeaseHolder) => async () => {
          holder.assertHeld()
        }),
        changed(LeaseHolder.prototype, 'pause', () => () => Promise.withResolvers<void>().promise),
      ),
  },
]

export type Method = (...args: unknown[]) => unknown

/** Puts another method in the place of one; `make` gets the old one, bound. */
export function changed<Self extends object>(
  prototype: Self,
  name: string,
  make: (old: Method, self: Self) => Method,
): () => void {
  const methods = prototype as Record<string, unknown>
  const old = methods[name] as Method
  methods[name] = function mutated(this: Self, ...args: unknown[]): unknown {
    return make((...own) => Reflect.apply(old, this, own), this)(...args)
  }
  return () => {
    methods[name] = old
  }
}

export function both(...undo: readonly (() => void)[]): () => void {
  return () => {
    for (const each of undo) each()
  }
}

/** Frames are taken whatever their numbers. */
function takesAll(): () => void {
  return changed(Session.prototype, 'take', (_take, session: Session) => (number, frame) => {
    const { deliver } = session as unknown as { deliver: Method }
    session.received = number as number
    deliver(frame)
  })
}
