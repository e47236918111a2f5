import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../support/eventually.ts'
import { asking, PortsWorld } from './ports-world.ts'

/** Clients of exported ports: from nodes, from programs over the API, from the command line. */

test('programs send, read and ask from any node, and over the API', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { api: { port: 0 } })
  const b = await world.node('b')
  await world.deploy(asking)
  await world.runs('asking')

  for (const network of [a.network('asking'), b.network('asking'), world.connection.network('asking')]) {
    let isReading = (): void => undefined
    const reading = new Promise<void>((resolve) => {
      isReading = resolve
    })
    const read: unknown[] = []
    const ending = new AbortController()
    const readAll = (async () => {
      for await (const one of network.read('passed', { onReading: isReading, signal: ending.signal })) {
        read.push(one)
        if (read.length === 4) return
      }
    })()
    await within('it is read', 10_000, reading)
    await network.send('things', 'one')
    await network.sendBatch('things', [{ two: 2 }, [3], null])
    await within('four messages', 10_000, readAll)
    assert.deepEqual(read, ['one', { two: 2 }, [3], null])

    const answers = await Promise.all(
      [1, 2, 3].map((n) =>
        network.request({
          port: 'questions',
          message: { id: `q${n}`, n },
          answerPort: 'answers',
          correlate: 'id',
        }),
      ),
    )
    assert.deepEqual(answers, [
      { id: 'q1', twice: 2 },
      { id: 'q2', twice: 4 },
      { id: 'q3', twice: 6 },
    ])
  }
})
