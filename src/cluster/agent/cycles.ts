import { cyclicParts, type Edge } from '../../model/cycles.ts'
import { type CycleAssignment, nowhere, type WorkerAssignment } from '../../worker/assignment.ts'
import type { Draft } from '../../worker/assignment-parts.ts'

type Instance = Pick<Draft, 'id' | 'worker' | 'inputs' | 'outputs'>

interface Channel {
  readonly number: number
  readonly from: Instance
  readonly to: Instance
}

/** Adds the cycles to the assignments of workers that have a part in one. */
export function withCycles(
  assignments: readonly WorkerAssignment[],
  instances: readonly Instance[],
): WorkerAssignment[] {
  const cycles = cyclesOf(instances)
  if (cycles.length === 0) return [...assignments]
  return assignments.map((assignment) => {
    const { worker } = assignment
    const own = cycles.flatMap((cycle) => partOf(cycle, worker))
    if (own.length === 0) return assignment
    const peers = new Set([...assignment.peers, ...own.flatMap(({ workers }) => workers)])
    peers.delete(worker)
    return { ...assignment, cycles: own, peers: [...peers].toSorted((a, b) => a - b) }
  })
}

interface Cycle {
  readonly number: number
  readonly channels: readonly Channel[]
}

/** Those that can be ended: a cycle is broken where a connection is declared to close it. */
function cyclesOf(instances: readonly Instance[]): readonly Cycle[] {
  const isBack = new Set<number>()
  for (const { outputs } of instances)
    for (const { back, channels } of outputs)
      for (const { channel, toWorker } of channels) if (back && toWorker !== nowhere) isBack.add(channel)
  if (isBack.size === 0) return []
  const channels = channelsOf(instances)
  const edges: Edge[] = channels.map(({ from, to }, index) => ({ from: `${from.id}`, to: `${to.id}`, index }))
  const parts = cyclicParts(
    instances.map(({ id }) => `${id}`),
    edges,
  )
  const byPart = new Map<number, Channel[]>()
  for (const channel of channels) {
    const part = parts.get(`${channel.from.id}`)!
    if (part !== parts.get(`${channel.to.id}`)) continue
    const inside = byPart.get(part)
    if (inside === undefined) byPart.set(part, [channel])
    else inside.push(channel)
  }
  return [...byPart.values()]
    .filter((inside) => inside.some(({ number }) => isBack.has(number)))
    .map((inside) => ({ number: Math.min(...inside.map(({ from }) => from.id)), channels: inside }))
}

function channelsOf(instances: readonly Instance[]): readonly Channel[] {
  const targets = new Map<number, Instance>()
  for (const instance of instances) for (const { channel } of instance.inputs) targets.set(channel, instance)
  return instances.flatMap((from) =>
    from.outputs.flatMap(({ channels }) =>
      channels.flatMap(({ channel, toWorker }) => {
        const to = toWorker === nowhere ? undefined : targets.get(channel)
        return to === undefined ? [] : [{ number: channel, from, to }]
      }),
    ),
  )
}

function partOf({ number, channels }: Cycle, worker: number): CycleAssignment[] {
  const workers = [...new Set(channels.map(({ from }) => from.worker))].toSorted((a, b) => a - b)
  if (!workers.includes(worker)) return []
  const outgoing = channels.filter(({ from }) => from.worker === worker)
  return [
    {
      cycle: number,
      workers,
      instances: [...new Set(outgoing.map(({ from }) => from.id))],
      inputs: channels.filter(({ to }) => to.worker === worker).map((channel) => channel.number),
      outputs: outgoing.map((channel) => channel.number),
    },
  ]
}
