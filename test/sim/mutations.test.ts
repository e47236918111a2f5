import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asGeneration, asTerm, openRecord, planRecord } from '../../src/cluster/protocol/index.ts'
import { put } from '../../src/store/operations.ts'
import { mutations } from './mutations.ts'
import { deployment } from './networks.ts'
import { runSeed } from './run-seed.ts'
import { World } from './world.ts'

/** So many seeds at the most are looked at for each, where the one that is known does not show it any more. */
const seedsMax = 25

for (const { name, finds, faults, seed: known, apply } of mutations)
  test(`the simulation finds out that ${name}`, async () => {
    const undo = apply()
    try {
      for (const seed of [known, ...Array.from({ length: seedsMax }, (_, i) => i + 1)]) {
        const { violations } = await runSeed(seed, { ...(faults && { faults }), until: finds })
        if (violations.some((violation) => finds.test(violation))) return
      }
    } finally {
      undo()
    }
    assert.fail(`${finds} was not found in ${seedsMax} seeds`)
  })

test('the simulation finds out that plans are not in order, and what is opened is not the newest', async () => {
  const world = new World({ seed: 1, nodes: [{ id: 'a' }] })
  const { cluster } = world
  for (const node of cluster.nodes.values()) node.start()
  const wanted = deployment('net', { source: { kind: 'source' } }, [])
  await cluster.settle(cluster.client().management.deploy(wanted, { by: 'test', mode: 'replace' }))
  const isOpen = () => world.checks.opened.get('net')?.size === 1
  await cluster.until(isOpen, { msMax: 5_000, what: () => 'it is open' })
  const { plan, open } = world.checks.view.networks.get('net')!
  const keys = cluster.keys.network('net')
  const write = async (key: string, value: Uint8Array): Promise<void> => {
    await cluster.settle(cluster.store.transact({ then: [put(key, value)] }))
    await cluster.pass(1)
  }
  const { generation, term } = plan!.value
  await write(
    keys.plan,
    planRecord.encode({ ...plan!.value, generation: asGeneration(generation + 2), term: asTerm(term + 1) }),
  )
  await write(keys.open, openRecord.encode(open!.value))
  for (const finds of [/SC-1/, /SC-2/, /SC-3/])
    assert.ok(
      world.ledger.violations.some((one) => finds.test(one)),
      `${finds} is not in ${world.ledger.violations.join()}`,
    )
})
