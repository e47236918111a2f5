import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { asError } from '../../../src/base/errors.ts'
import { arenas, etcdMissing, partitionsMissing } from './arena.ts'
import { textsMissing } from './network.ts'
import { faultsOf, seedOf } from './order.ts'
import { told } from './outcome.ts'
import { kafkaMissing } from './targets/kafka.ts'
import { postgresMissing } from './targets/postgres.ts'
import { type Outcome, survive } from './survive.ts'

const gateFaults = 100

describe(
  'over three members of etcd, with snapshots in a folder that all nodes share',
  {
    skip: etcdMissing || textsMissing,
  },
  () => {
    let outcome: Outcome | undefined
    const lines: string[] = []
    let failure: Error | undefined
    before(async () => {
      const order = { open: arenas.etcd, faults: faultsOf(gateFaults), seed: seedOf(2) }
      await survive({ ...order, say: (line) => lines.push(line) }).then(
        (found) => (outcome = found),
        (error: unknown) => (failure = asError(error)),
      )
    })

    test('whatever is killed, stopped and compacted, words are counted and requests joined as by a plain loop', (t) => {
      for (const line of lines) t.diagnostic(line)
      if (failure !== undefined) throw failure
      assert.ok(outcome !== undefined, 'it has come to its end')
      t.diagnostic(told(outcome))
      const { faults, restored } = outcome
      assert.ok(restored >= faults / 10, `recoveries went on from ${restored} snapshots only`)
    })

    for (const [name, skip] of [
      ['PostgreSQL', postgresMissing],
      ['Kafka', kafkaMissing],
    ] as const)
      test(`and ${name} failed meanwhile, and has all of it once`, { skip }, () => {
        const names = [...(outcome?.counts.keys() ?? [])]
        assert.ok(
          names.some((fault) => fault.startsWith(name)),
          names.join(', '),
        )
      })

    test('and the network between hosts came apart', { skip: partitionsMissing }, () => {
      const names = [...(outcome?.counts.keys() ?? [])]
      assert.ok(
        names.some((name) => name.startsWith('partition')),
        names.join(', '),
      )
    })
  },
)
