import {
  countRounds,
  type FaultRun,
  holderRounds,
  queueRounds,
  registerRounds,
} from '../../test/integration/store-faults/rounds.ts'
import { arenas } from '../../test/integration/exactly-once/arena.ts'
import { told } from '../../test/integration/exactly-once/outcome.ts'
import { survive } from '../../test/integration/exactly-once/survive.ts'
import type { SoakPlan, Survived } from '../lib/soak-loop.ts'
import { type StoreGround, storeGrounds } from './store-ground.ts'

export type Backend = 'lmdb' | 'etcd'

export interface Scenarios {
  readonly all: SoakPlan['scenarios']
  close(): Promise<void>
}

/** Of one network, before it is held against a plain loop. */
const networkFaults = 100

const storeRounds: Readonly<Record<string, (run: FaultRun) => Promise<Survived>>> = {
  election: (run) => holderRounds(run, 'lead'),
  lock: (run) => holderRounds(run, 'lock'),
  counter: countRounds,
  queue: queueRounds,
  registers: registerRounds,
}

/**
 * The scenarios of `--subject`: those of the store, with processes that use it; a network that is exactly-once, on nodes in processes of
 * their own; or `all`, one after the other.
 */
export function scenariosOf(
  subject: string,
  backend: Backend,
  say: (line: string) => void,
): Scenarios | undefined {
  let ground: StoreGround | undefined
  const close = async (): Promise<void> => {
    await ground?.close()
    ground = undefined
  }
  const store = Object.entries(storeRounds).map(
    ([name, rounds]) =>
      [
        name,
        async (seed: number) => {
          ground ??= await storeGrounds[backend]()
          return rounds(ground.run(seed, name))
        },
      ] as const,
  )
  const network = async (seed: number): Promise<Survived> => {
    // Namespaces are named after the process, so there is one network of hosts at a time.
    await close()
    const outcome = await survive({ open: arenas[backend], faults: networkFaults, seed })
    say(`seed ${seed}  network    ${told(outcome)}`)
    return outcome
  }
  if (subject === 'store') return { all: Object.fromEntries(store), close }
  if (subject === 'network') return { all: { network }, close }
  return subject === 'all' ? { all: { ...Object.fromEntries(store), network }, close } : undefined
}
