import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode } from '../../support/error-code.ts'
import { eventually, within } from '../../support/eventually.ts'
import { asking, PortsWorld } from './ports-world.ts'

/** Clients of exported ports while the node is killed that hosts the port, and while a reader is slow. */

test('the node that hosts the ports is killed while clients send, read and ask', async (t) => {
  const world = await PortsWorld.make(t)
  // Hosts nothing, and lives through it all: the clients are here.
  const a = await world.node('a', { workers: 0 })
  const others = [await world.process('b'), await world.process('c')]
  // Otherwise the journal of an exported input binds it to its node, and it waits for that.
  await world.deploy({ ...asking, guarantee: 'at-most-once' })
  await world.runs('asking')
  const network = a.network('asking')

  const read: number[] = []
  let begins = 0
  const ending = new AbortController()
  t.after(() => ending.abort())
  const reading = (async () => {
    const options = { signal: ending.signal, onReading: () => void begins++ }
    for await (const message of network.read('passed', options)) read.push(message as number)
  })()
  await eventually('it is read', () => begins === 1)

  const outcomes = new Map<number, string>()
  const answered: string[] = []
  const over = new AbortController()
  t.after(() => over.abort())
  const sending = (async () => {
    for (let n = 0; !over.signal.aborted; n++)
      outcomes.set(n, await errorCode(network.send('things', n, { timeoutMs: 30_000 })))
  })()
  const asked = (async () => {
    for (let n = 0; !over.signal.aborted; n++)
      answered.push(
        await errorCode(
          network.request({
            port: 'questions',
            message: { id: String(n), n },
            timeoutMs: 5_000,
          }),
        ),
      )
  })()
  const taken = (): number => [...outcomes.values()].filter((outcome) => outcome === 'no error').length
  for (const component of ['client-input:things', 'client-output:passed']) {
    await eventually('messages come', () => read.length > 100)
    const host = await world.hostOf('asking', component)
    const victim = others.find(({ id }) => id === host)
    assert.ok(victim !== undefined, `${component} is on ${host}`)
    const [takenBefore, readBefore, answeredBefore] = [taken(), read.length, answered.length]
    await victim.kill()
    await eventually(
      'messages are taken, read and answered again',
      () => {
        const flow = [taken() - takenBefore, read.length - readBefore, answered.length - answeredBefore]
        return flow.every((count) => count > 100)
      },
      60_000,
    )
    assert.notEqual(await world.hostOf('asking', component), host)
    victim.start()
    await victim.joined()
    await world.runs('asking')
  }
  over.abort()
  await within('the last one was sent', 40_000, Promise.all([sending, asked]))
  await eventually('the last one comes', () => read.at(-1) === Math.max(...takenOf(outcomes)))
  ending.abort()
  await reading

  // Whatever became of a message, it came once at most; and nothing came of what was said not to be taken.
  assert.equal(new Set(read).size, read.length)
  assert.deepEqual(
    read,
    read.toSorted((x, y) => x - y),
  )
  for (const n of read) assert.match(outcomes.get(n)!, /^(no error|SEND_OUTCOME_UNKNOWN)$/)
  assert.deepEqual(
    [...new Set(outcomes.values())].toSorted().filter((code) => code !== 'SEND_OUTCOME_UNKNOWN'),
    ['no error'],
  )
  for (const code of answered)
    assert.match(code, /^(no error|SEND_OUTCOME_UNKNOWN|(SEND|REQUEST)_TIMED_OUT|REQUEST_LOST)$/)
  assert.ok(begins >= 2, 'the reader went on at another node')
  const unknown = [...outcomes.values()].filter((code) => code === 'SEND_OUTCOME_UNKNOWN').length
  t.diagnostic(`${outcomes.size} sent, ${unknown} of unknown outcome, ${read.length} read, ${begins} begins`)
})

function takenOf(outcomes: ReadonlyMap<number, string>): number[] {
  return [...outcomes].filter(([, outcome]) => outcome === 'no error').map(([n]) => n)
}

const mebibyte = 1024 * 1024

test('a slow reader holds a flood back within bounds, and one that takes nothing is ended', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { workers: 0 })
  await world.node('b')
  await world.deploy({
    name: 'flood',
    guarantee: 'at-most-once',
    components: {
      numbers: { kind: 'generator', config: { from: 1 } },
      pass: { kind: asking.components.pass.kind },
    },
    connections: [{ from: 'numbers.out', to: 'pass.in' }],
    exports: { outputs: { all: 'pass.out' } },
  })
  await world.runs('flood')
  const network = a.network('flood')
  const stuck = network.read('all')
  assert.equal(typeof (await stuck.next()).value, 'number')
  const slow = network.read('all')
  const first = Number((await slow.next()).value)
  global.gc?.()
  const before = process.memoryUsage()
  // Reads steadily, while the other one takes nothing: first both are held up, then that one is ended.
  let last = first
  const endMs = performance.now() + 12_000
  let count = 0
  for await (const message of slow) {
    assert.equal(message, last + 1, 'a reader misses nothing')
    last++
    count++
    if (performance.now() > endMs) break
  }
  const after = process.memoryUsage()
  let waiting = 0
  const end = await errorCode(
    (async () => {
      for await (const _ of stuck) waiting++
    })(),
  )
  assert.equal(end, 'READER_TOO_SLOW')
  // What it had not taken is bounded, too.
  assert.ok(waiting < 10_000, `${waiting} waited`)
  assert.ok(count > 2 * waiting, `${count} were read, the network did not stand still`)
  const grown = (after.heapUsed + after.external - before.heapUsed - before.external) / mebibyte
  assert.ok(grown < 100, `${grown} MiB more`)
  t.diagnostic(`${count} read in 12 s, ${waiting} waited for the stuck reader, ${grown.toFixed(1)} MiB more`)

  // Without a reader, the network runs on: messages are let go, and counted.
  const again = network.read('all')
  const later = Number((await again.next()).value)
  assert.ok(later > last)
  await again.return?.(undefined)
  await eventually('it is counted what nobody read', async () => {
    const { metrics } = await countsOf(world)
    return metrics.some(({ name, value }) => name === 'unread' && Number(value) > 1000)
  })
})

async function countsOf(
  world: PortsWorld,
): Promise<{ metrics: readonly { name: string; value: unknown }[] }> {
  const node = await world.node('c', { workers: 0, api: { port: 0 } })
  try {
    const response = await fetch(`${node.apiAddress!}/v1/networks/flood?counters=true`)
    return (await response.json()) as never
  } finally {
    await node.close()
  }
}
