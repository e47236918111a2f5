import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../src/base/random.ts'
import { VertigoError } from '../../../src/base/errors.ts'
import { ApiPorts, type ApiPortsMeans } from '../../../src/api/port-client.ts'
import { eventLoopTurn, TestClock } from '../../../src/testkit/test-clock.ts'
import { rejectsWith } from '../testkit/errors.ts'

test('a request that a node was lost with is not told as one that reached nobody', async () => {
  const clock = new TestClock()
  const bodies: { readonly id: string; readonly again: boolean }[] = []
  const node = {
    json({ body }: { readonly body: { readonly id: string; readonly again: boolean } }): Promise<unknown> {
      bodies.push(body)
      const code = bodies.length === 1 ? 'SEND_OUTCOME_UNKNOWN' : 'API_UNREACHABLE'
      const cause = { code: 'ECONNREFUSED' }
      return Promise.reject(new VertigoError(code, `try ${bodies.length}`, { cause }))
    },
  }
  const means = { nodes: () => Promise.resolve([node]), clock, random: seededRandom(1) }
  const ports = new ApiPorts(means as unknown as ApiPortsMeans)
  const asked = rejectsWith(
    ports.request('net', { port: 'some', message: 1, timeoutMs: 1_000 }),
    'SEND_OUTCOME_UNKNOWN',
    /try 1/,
  )
  for (let turn = 0; turn < 30; turn++) {
    await eventLoopTurn()
    clock.advance(50)
  }
  await asked
  assert.ok(bodies.length > 2)
  assert.deepEqual(
    bodies.map(({ again }) => again),
    bodies.map((_, at) => at > 0),
  )
  assert.equal(new Set(bodies.map(({ id }) => id)).size, 1)
})
