import type { PlanningFacts } from '../../src/cluster/plan/index.ts'
import {
  asNodeId,
  asTerm,
  asVersion,
  type Plan,
  type VersionRecord,
} from '../../src/cluster/protocol/index.ts'

/** What the benchmark of the planner plans, here and in processes of its own. */

const componentCount = 100
const copies = 10
export const nodeCount = 100
export const instanceCount = componentCount * copies

/** Ten chains of ten components with ten copies each, every second connection by key. */
export function version(): VersionRecord {
  const names = Array.from({ length: componentCount }, (_, at) => `component-${at}`)
  const components = Object.fromEntries(
    names.map((name) => [name, { kind: './kind.ts', base: 'net.yaml', instances: copies }]),
  )
  const connections = names.flatMap((name, at) =>
    at % 10 === 9
      ? []
      : [
          {
            from: `${name}.out`,
            to: `${names[at + 1]}.in`,
            base: 'net.yaml',
            ...(at % 2 === 0 ? { selector: 'hash' as const } : {}),
          },
        ],
  )
  const network = { name: 'net', components, connections }
  const kind = {
    role: 'component' as const,
    inputs: ['in'],
    outputs: ['out'],
    keyedState: false,
    instanceState: false,
    rewinds: false,
    inMain: false,
  }
  return {
    version: asVersion(1),
    flat: network,
    kinds: Object.fromEntries(names.map((name) => [name, kind])),
    createdAtMs: 0,
    by: 'bench',
    change: '',
  }
}

export function factsOf(record: VersionRecord, current: Plan | undefined, count: number): PlanningFacts {
  return {
    network: 'net',
    goal: 'run',
    version: record.version,
    fallback: undefined,
    versions: new Map([[record.version, record]]),
    nodes: Array.from({ length: count }, (_, at) => ({
      id: asNodeId(`n${at}`),
      incarnation: '1',
      groups: [],
      labels: {},
      workers: 4,
      draining: false,
      workersOfOthers: 0,
    })),
    quorum: 1,
    current,
    lastOpen: current?.generation,
    term: asTerm(1),
    finished: new Set(),
    failed: new Set(),
    lostWorkers: new Set(),
    paused: new Set(),
    failures: [],
  }
}
