import { nextPlan } from '../../src/cluster/plan/index.ts'
import { factsOf, instanceCount, nodeCount, version } from './planning-facts.ts'

/** The first plan of a process, whose code nothing has compiled yet; prints the CPU time of its thread, in milliseconds. */

const facts = factsOf(version(), undefined, nodeCount)
const before = process.threadCpuUsage()
const plan = nextPlan(facts)
const { user, system } = process.threadCpuUsage(before)
if (plan?.instances.length !== instanceCount)
  throw new Error(`the plan has ${plan?.instances.length} instances, not ${instanceCount}`)
process.stdout.write(`${(user + system) / 1_000}\n`)
