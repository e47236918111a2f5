import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isVertigoError } from '../../../../src/base/errors.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { DataEndpoint } from '../../../../src/cluster/node/data-endpoint.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import type { Link } from '../../../../src/transport/link.ts'
import { SimLines } from '../../transport/tcp/sim-lines.ts'

const net = { cluster: 'c', network: 'n' }

/** Worker 1 of node a dials worker 2 of node b, which may not follow the plan yet. */
class Workers {
  readonly clock = new TestClock()
  readonly failures: string[] = []
  readonly got: string[] = []
  readonly near: Link
  private readonly far: DataEndpoint

  constructor() {
    const random = seededRandom(1)
    const lines = new SimLines(this.clock, random)
    const make = (node: string, worker: number): DataEndpoint =>
      new DataEndpoint(
        { ...net, node },
        {
          worker,
          clock: this.clock,
          random,
          generation: () => 1,
          standing: () => 'current',
          failed: (other, error) => {
            assert.ok(isVertigoError(error))
            this.failures.push(`${worker} to ${other}: ${error.code}`)
          },
          turnedAway: (remote, error) => this.failures.push(`${remote}: ${String(error)}`),
        },
      )
    this.far = make('b', 2)
    lines.listener = (line) => this.far.endpoint.accepted(line)
    this.near = make('a', 1).open({ worker: 2, node: 'b', dial: () => lines.dial })
  }

  followPlan(): void {
    const link = this.far.open({
      worker: 1,
      node: 'a',
      dial: () => assert.fail('the other one dials (DL-1)'),
    })
    link.receive((frame) => this.got.push(Buffer.from(frame).toString()))
  }
}

test('DL-2: who dials a worker before that one follows the plan tries again without a word', () => {
  const workers = new Workers()
  workers.near.send(Buffer.from('early'))
  workers.clock.advance(500)
  workers.followPlan()
  workers.clock.advance(500)
  assert.deepEqual(workers.got, ['early'])
  assert.deepEqual(workers.failures, [])
})

test('a worker that goes on not to follow the plan is told of once', () => {
  const workers = new Workers()
  workers.clock.advance(60_000)
  assert.deepEqual(workers.failures, ['1 to 2: LINK_UNKNOWN'])
})
