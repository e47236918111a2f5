import type { Random } from '../../base/random.ts'
import { drainRecord, asNodeId } from '../../cluster/protocol/index.ts'
import { put, remove } from '../../store/operations.ts'
import type { SimulatedNode } from './simulated-cluster.ts'
import type { ClusterFault } from './simulation-options.ts'
import { goodStorage } from './storage-line.ts'
import { goodLine } from './store-line.ts'
import {
  momentsOf,
  snapshotSteps,
  type Step,
  type StepName,
  stepNames,
  workerSnapshotSteps,
  workerJournalSteps,
  workerSinkSteps,
  workerSteps,
} from './steps.ts'
import type { CheckedCluster } from './checked-cluster.ts'

/** A kind of fault: does it, and gives what undoes it. */
type Fault = (faults: Faults) => (() => void) | undefined

const ttlMs = 1_000
/** Between two faults, at the most. */
const gapMsMaxDefault = 1_200
/** What lies between a moment and three times a lease. */
const lastingMsMax = 3 * ttlMs
const jumpMsMax = 3_600_000
/** For one message. */
const slowMsMax = 300
/** Who comes to a step, and is not yet the one. */
const skipMax = 4

/** What goes wrong in a cluster, drawn from the seed. Several things may be wrong at the same time. */
export class Faults {
  count = 0
  readonly world: CheckedCluster
  readonly random: Random
  /** Whether somebody takes snapshots. */
  readonly hasSnapshots: boolean
  /** Whether calls of sinks and journals are steps at which somebody ends. */
  readonly hasOuter: boolean
  private readonly kinds: readonly (readonly [string, Fault])[]
  private readonly undoing = new Set<() => void>()
  private readonly gapMsMax: number
  private isOver = false

  /** `only`: the names of the kinds; all where it is not given. `gapMsMax`: between two of them. */
  constructor(
    world: CheckedCluster,
    random: Random,
    only?: readonly string[],
    {
      hasSnapshots = false,
      hasOuter = false,
      gapMsMax = gapMsMaxDefault,
    }: { readonly hasSnapshots?: boolean; readonly hasOuter?: boolean; readonly gapMsMax?: number } = {},
  ) {
    this.world = world
    this.random = random
    this.hasSnapshots = hasSnapshots
    this.hasOuter = hasOuter
    this.gapMsMax = gapMsMax
    const all: Readonly<Record<string, Fault>> = hasSnapshots
      ? { ...faultKinds, ...storageFaultKinds }
      : faultKinds
    this.kinds = Object.entries(all).filter(([name]) => only?.includes(name) ?? true)
  }

  begin(): void {
    const { cluster } = this.world
    if (this.kinds.length === 0) return
    cluster.time.at(cluster.time.nowMs + this.random.next() * this.gapMsMax, faultLane, () => {
      if (this.isOver) return
      this.one()
      this.begin()
    })
  }

  /** All that is broken works again, from now on. */
  end(): void {
    this.isOver = true
    for (const undo of this.undoing) undo()
    this.world.throwing.clear()
    this.world.slow.clear()
    this.world.unsetupable.clear()
    for (const node of this.nodes()) {
      node.resume()
      node.start()
    }
  }

  nodes(): SimulatedNode[] {
    return [...this.world.cluster.nodes.values()]
  }

  node(): SimulatedNode {
    return this.pick(this.nodes())
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.int(list.length)]!
  }

  note(what: string): void {
    this.world.note('**', what)
  }

  private one(): void {
    const [name, fault] = this.pick(this.kinds)
    const undo = fault(this)
    this.count++
    if (undo === undefined) return
    const { cluster } = this.world
    const once = (): void => {
      if (!this.undoing.delete(once)) return
      this.note(`${name} ends`)
      undo()
    }
    this.undoing.add(once)
    const share = this.random.next() ** 2
    cluster.time.at(cluster.time.nowMs + share * lastingMsMax, faultLane, once)
  }
}

const faultLane = 10_000

function kill(faults: Faults, node: SimulatedNode): () => void {
  faults.note(`kill ${node.id}`)
  node.kill()
  return () => {
    node.resume()
    node.start()
  }
}

const faultKinds = {
  kill: (faults) => kill(faults, faults.node()),
  killManager(faults) {
    const manager = faults.nodes().find(({ process }) => process?.isManager === true)
    return manager && kill(faults, manager)
  },
  killAll(faults) {
    if (faults.random.next() > 0.2) return undefined
    const undo = faults.nodes().map((node) => kill(faults, node))
    return () => {
      for (const each of undo) each()
    }
  },
  /** In the middle of something: before it asks the store or a worker, or before it learns what came of it. */
  killAtStep(faults) {
    const steps = faults.hasSnapshots ? stepsWithSnapshots : rareSteps
    const step = anyStep(faults, withOuter(faults, steps))
    let undo: () => void = () => undefined
    const stop = whenReached(faults, step, ({ who }) => {
      const node = faults.world.cluster.nodes.get(who)
      if (node === undefined) return false
      undo = kill(faults, node)
      return true
    })
    return () => {
      stop()
      undo()
    }
  },
  workerDiesAtStep(faults) {
    const steps = faults.hasSnapshots ? workerStepsWithSnapshots : workerSteps
    return whenReached(faults, anyStep(faults, withOuter(faults, steps)), ({ endWorker }) => {
      endWorker?.()
      return endWorker !== undefined
    })
  },
  freeze(faults) {
    const node = faults.node()
    faults.note(`freeze ${node.id}`)
    node.pause()
    return () => node.resume()
  },
  storeGone(faults) {
    const nodes = faults.random.next() < 0.4 ? faults.nodes() : [faults.node()]
    faults.note(`no store for ${nodes.map(({ id }) => id).join(' ')}`)
    for (const node of nodes) node.isCut = true
    return () => {
      for (const node of nodes) node.isCut = false
    }
  },
  storeSlow(faults) {
    const nodes = faults.random.next() < 0.4 ? faults.nodes() : [faults.node()]
    const { random } = faults
    const quality = {
      delayMsMax: 5 + random.int(150),
      slow: random.next() * 0.1,
      lost: random.next() * 0.1,
      unanswered: random.next() * 0.3,
    }
    faults.note(`slow store for ${nodes.map(({ id }) => id).join(' ')}: ${quality.delayMsMax} ms`)
    for (const node of nodes) node.quality = quality
    return () => {
      for (const node of nodes) node.quality = goodLine
    }
  },
  cut(faults) {
    const { lines } = faults.world.cluster
    const [from, to] = [faults.node().id, faults.node().id]
    if (from === to) return undefined
    const isOneWay = faults.random.next() < 0.5
    faults.note(`cut ${from} ${isOneWay ? '->' : '<->'} ${to}`)
    lines.cut(from, to)
    if (!isOneWay) lines.cut(to, from)
    return () => {
      lines.heal(from, to)
      lines.heal(to, from)
    }
  },
  /** Calls are refused although somebody listens: a firewall. */
  wall(faults) {
    const { lines } = faults.world.cluster
    const to = faults.node().id
    const from = faults.nodes().filter(({ id }) => id !== to)
    if (from.length === 0) return undefined
    faults.note(`calls to ${to} are refused`)
    faults.world.mayBeWrong = true
    for (const { id } of from) lines.wall(id, to)
    lines.breakAll(faults.pick(from).id, to)
    return () => {
      for (const { id } of from) lines.unwall(id, to)
    }
  },
  /** At any byte; links go on over new lines. */
  linesBreak(faults) {
    const { lines } = faults.world.cluster
    const [one, other] = [faults.node().id, faults.node().id]
    if (one === other) return undefined
    faults.note(`lines ${one} <-> ${other} break`)
    lines.breakAll(one, other)
    return undefined
  },
  /** The time of day of a node is set, or its machine was asleep. */
  clockJumps(faults) {
    const node = faults.node()
    const offsetMs = faults.random.int(2 * jumpMsMax) - jumpMsMax
    faults.note(`clock of ${node.id} is ${offsetMs} ms off`)
    node.machine.wallOffsetMs = offsetMs
    return () => {
      node.machine.wallOffsetMs = 0
    }
  },
  /** Its watches miss what happens, and what they missed is gone from the store's history. */
  compaction(faults) {
    const backends = faults.nodes().flatMap(({ process }) => process?.means.backend ?? [])
    faults.note('watches go deaf')
    for (const backend of backends) backend.goDeaf()
    return () => {
      for (const backend of backends) backend.hear()
    }
  },
  /** Its thread stands still; the rest of its process does not. */
  workerStands(faults) {
    const workers = [...(faults.node().process?.workers ?? [])].filter(({ phase }) => phase === 'lives')
    if (workers.length === 0) return undefined
    const { name, thread } = faults.pick(workers)
    faults.note(`worker ${name} stands still`)
    thread.stand()
    return () => thread.goOn()
  },
  componentSlow(faults) {
    const component = anyComponent(faults)
    if (component === undefined) return undefined
    faults.note(`${component} is slow`)
    faults.world.slow.set(component, 1 + faults.random.int(slowMsMax))
    return () => faults.world.slow.delete(component)
  },
  componentThrows(faults) {
    const component = anyComponent(faults)
    if (component === undefined) return undefined
    faults.note(`${component} throws`)
    faults.world.throwing.add(component)
    return () => faults.world.throwing.delete(component)
  },
  setupFails(faults) {
    const component = anyComponent(faults)
    if (component === undefined) return undefined
    faults.note(`${component} cannot be set up`)
    faults.world.unsetupable.add(component)
    return () => faults.world.unsetupable.delete(component)
  },
  workerDies(faults) {
    const workers = [...(faults.node().process?.workers ?? [])].filter(({ phase }) => phase === 'lives')
    if (workers.length === 0) return undefined
    const worker = faults.pick(workers)
    faults.note(`worker ${worker.name} dies`)
    worker.die(new Error('the thread ended, on purpose'))
    return undefined
  },
  drain(faults) {
    const { cluster } = faults.world
    const key = cluster.keys.drain(asNodeId(faults.node().id))
    faults.note(`drain ${key}`)
    const value = drainRecord.encode({ by: 'sim', atMs: cluster.time.nowMs })
    faults.world.supervise(cluster.store.transact({ then: [put(key, value)] }))
    return () => faults.world.supervise(cluster.store.transact({ then: [remove(key)] }))
  },
} satisfies Readonly<Record<string, Fault>>

const storageFaultKinds = {
  /** Calls to the storage of snapshots end after a while, with nothing done. */
  storageGone(faults) {
    const nodes = faults.random.next() < 0.4 ? faults.nodes() : [faults.node()]
    faults.note(`no storage for ${nodes.map(({ id }) => id).join(' ')}`)
    for (const node of nodes) node.isStorageCut = true
    return () => {
      for (const node of nodes) node.isStorageCut = false
    }
  },
  /** The storage is slow, and fails now and then, before or after what it was asked for is done. */
  storageFails(faults) {
    const nodes = faults.random.next() < 0.4 ? faults.nodes() : [faults.node()]
    const { random } = faults
    const quality = { delayMsMax: 2 + random.int(200), failing: random.next() * 0.5 }
    faults.note(`bad storage for ${nodes.map(({ id }) => id).join(' ')}: ${quality.delayMsMax} ms`)
    for (const node of nodes) node.storage = quality
    return () => {
      for (const node of nodes) node.storage = goodStorage
    }
  },
} satisfies Readonly<Record<string, Fault>>

type FaultName = keyof typeof faultKinds

export const faultNames: readonly string[] = Object.keys(faultKinds)

/** Those for networks of users: all but what has to be done by the components themselves. */
export const publicFaults: readonly ClusterFault[] = (Object.keys(faultKinds) as FaultName[]).filter(
  (name) => name !== 'componentSlow',
)

/** What nodes do all the time is left out: any moment is one of those. */
const rareSteps = stepNames.filter((name) => name !== 'read' && name !== 'renew')
const stepsWithSnapshots = [...rareSteps, ...snapshotSteps]
const workerStepsWithSnapshots = [...workerSteps, ...workerSnapshotSteps]
const outerSteps = [...workerSinkSteps, ...workerJournalSteps]

function withOuter({ hasOuter }: Faults, steps: readonly StepName[]): readonly StepName[] {
  return hasOuter ? [...steps, ...outerSteps] : steps
}

function anyStep(
  faults: Faults,
  names: readonly StepName[] = rareSteps,
): Pick<Step, 'name' | 'moment'> & { readonly skip: number } {
  const name = faults.pick(names)
  return { name, moment: faults.pick(momentsOf(name)), skip: faults.random.int(skipMax) }
}

/** When one comes to such a step, after as many others have; gives what ends the waiting. `act`: whether it was one to act on. */
function whenReached(
  faults: Faults,
  { name, moment, skip }: ReturnType<typeof anyStep>,
  act: (step: Step) => boolean,
): () => void {
  faults.note(`whoever comes to "${name}" ends ${moment} it, after ${skip} others`)
  let left = skip
  const stop = faults.world.cluster.steps.watch((step) => {
    if (step.name !== name || step.moment !== moment || left-- > 0) return
    if (act(step)) stop()
  })
  return stop
}

function anyComponent({ world, random }: Faults): string | undefined {
  const lives = [...world.allLives()].filter(({ state }) => state === 'lives')
  if (lives.length === 0) return undefined
  const { network, component } = lives[random.int(lives.length)]!
  return `${network}/${component}`
}
