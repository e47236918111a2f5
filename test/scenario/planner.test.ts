import { nextPlan } from '../../src/cluster/plan/index.ts'
import type { InstanceId } from '../../src/cluster/protocol/index.ts'
import { asTerm, asWorkerNumber } from '../../src/cluster/protocol/index.ts'
import { ClusterWorld } from './support/cluster-world.ts'
import { connectionsText, planText } from './support/plan-text.ts'
import { type Command, testScripts } from './support/script.ts'

/** The planner alone: each `> plan` becomes the current one. */
testScripts(new URL('planner/', import.meta.url), () => {
  const world = new ClusterWorld()
  const finished = new Set<InstanceId>()
  let failed = new Set<InstanceId>()
  let lost = new Set<number>()
  let isAfresh = false
  const paused = new Set<string>()
  const error = { code: 'COMPONENT_FAILED', message: 'out of luck' }
  const commands: { readonly [name: string]: Command } = {
    ...world.commands,
    finished: (words) => {
      for (const word of words) finished.add(world.instance(word))
      return ''
    },
    failed: (words) => {
      for (const word of words) failed.add(world.instance(word))
      return ''
    },
    'worker-lost': ([worker]) => {
      lost.add(Number(worker))
      return ''
    },
    pause: ([component]) => {
      paused.add(component!)
      return ''
    },
    /** The network was stopped, and is to begin anew. */
    afresh: () => {
      isAfresh = true
      return ''
    },
    resume: ([component]) => {
      paused.delete(component!)
      return ''
    },
    open: () => {
      world.openGeneration = world.plan!.generation
      return ''
    },
    connections: () => connectionsText(world.plan!),
    plan: ([goal]) => {
      const losesNothing = world.versions.get(world.version)?.flat.guarantee !== 'at-most-once'
      const next = nextPlan({
        network: 'net',
        ...(losesNothing && { recovery: { from: undefined } }),
        ...(isAfresh && { beginsAfresh: true }),
        goal: goal === 'none' ? 'none' : world.goal,
        version: world.version,
        fallback: undefined,
        versions: world.versions,
        nodes: [...world.nodes.values()],
        brokenLinks: [...world.broken.values()],
        quorum: world.quorum,
        current: world.plan,
        lastOpen: world.openGeneration,
        term: asTerm(1),
        finished,
        failed,
        lostWorkers: new Set([...lost].map(asWorkerNumber)),
        paused,
        failures: [...paused].map((component) => ({ component, count: 1, lastAtMs: 0, error })),
      })
      if (next === undefined) return 'nothing to do'
      world.plan = next
      isAfresh = false
      failed = new Set()
      lost = new Set()
      return planText(next)
    },
  }
  return commands
})
