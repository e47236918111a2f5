import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { VertigoError } from '../../../../src/base/errors.ts'
import type { LogNews } from '../../../../src/cluster/client/index.ts'
import { ClusterLogs, logHandlers } from '../../../../src/cluster/node/cluster-logs.ts'
import { NodeLogs } from '../../../../src/cluster/node/node-logs.ts'
import { asNodeId, type NodeId } from '../../../../src/cluster/protocol/index.ts'
import { Calls } from '../../../../src/transport/calls.ts'
import { inProcessLinks } from '../../../../src/transport/in-process.ts'
import { eventually } from '../../../support/eventually.ts'

/** Nodes without workers, with calls between the first and the others. */
class Nodes {
  readonly logs = new Map<NodeId, NodeLogs>()
  readonly reader: ClusterLogs
  readonly errors: unknown[] = []
  private readonly calls = new Map<NodeId, Calls>()

  constructor(...names: string[]) {
    const self = asNodeId('a')
    for (const name of names) this.add(name)
    this.reader = new ClusterLogs({
      logs: this.logs.get(self)!,
      clock: systemClock,
      peers: {
        self,
        nodes: () => [...this.logs.keys()],
        to: (node) => {
          const calls = this.calls.get(node)
          if (calls === undefined) throw new VertigoError('NODE_UNKNOWN', `no connection to ${node}`)
          return calls
        },
      },
    })
  }

  add(name: string): void {
    const id = asNodeId(name)
    const logs = this.logs.get(id) ?? new NodeLogs({ epoch: name, limits: { linesMax: 100, bytesMax: 1e6 } })
    this.logs.set(id, logs)
    if (name === 'a') return
    const [near, far] = inProcessLinks(systemClock)
    const onError = (error: unknown): void => void this.errors.push(error)
    const options = { clock: systemClock, onError }
    this.calls.set(id, new Calls(near, { ...options, handlers: {} }))
    // The other side lives as long as the link.
    void new Calls(far, { ...options, handlers: logHandlers(logs) })
  }

  cut(name: string): void {
    const id = asNodeId(name)
    this.calls.get(id)?.close(new VertigoError('LINK_CLOSED', 'the link was cut'))
    this.calls.delete(id)
  }

  log(name: string, timeMs: number, component = 'count'): void {
    const record = { level: 'info' as const, message: `at ${timeMs}`, component, instance: 0, timeMs }
    this.logs.get(asNodeId(name))!.logged('net', record)
  }
}

class Reading {
  readonly news: LogNews[] = []
  readonly ended: Promise<void>
  private readonly ending = new AbortController()

  constructor(t: TestContext, nodes: Nodes, after?: string, first?: Promise<void>) {
    t.after(() => this.end())
    this.ended = (async () => {
      const query = after === undefined ? {} : { after }
      for await (const one of nodes.reader.follow('net', query, this.ending.signal)) {
        this.news.push(one)
        await first
      }
    })()
  }

  get times(): number[] {
    return this.news.flatMap((one) => (one.type === 'line' ? [one.line.timeMs] : []))
  }

  async end(): Promise<void> {
    this.ending.abort()
    await this.ended
  }
}

test('lines of all nodes come in the order of their times, and a node that is missing is named', async () => {
  const nodes = new Nodes('a', 'b', 'c')
  for (const [at, name] of ['b', 'a', 'b', 'a'].entries()) nodes.log(name, at)
  nodes.cut('c')
  const page = await nodes.reader.read('net', {})
  assert.deepEqual(
    page.lines.map(({ node, timeMs }) => `${node}${timeMs}`),
    ['b0', 'a1', 'b2', 'a3'],
  )
  assert.deepEqual(page.missing, [{ node: 'c', reason: 'no connection to c' }])
  assert.equal((await nodes.reader.read('net', { limit: 1 })).lines[0]?.timeMs, 3)
  assert.deepEqual((await nodes.reader.read('other', {})).lines, [])
})

test('who follows gets each line once, over cuts and nodes that come later', async (t) => {
  const nodes = new Nodes('a', 'b')
  nodes.log('b', 1)
  const reading = new Reading(t, nodes)
  await eventually('the first line', () => reading.times.length === 1)
  nodes.log('a', 2)
  nodes.log('b', 3)
  await eventually('lines of both', () => reading.times.length === 3)
  nodes.cut('b')
  nodes.log('b', 4)
  await eventually('b is missing', () => reading.news.some(({ type }) => type === 'missing'))
  nodes.add('b')
  nodes.add('c')
  nodes.log('c', 5)
  await eventually('all lines', () => reading.times.length === 5)
  await reading.end()
  assert.deepEqual(
    reading.times.toSorted((x, y) => x - y),
    [1, 2, 3, 4, 5],
  )
  assert.deepEqual(
    reading.news.filter(({ type }) => type === 'missing').map((one) => 'node' in one && one.node),
    ['b'],
  )

  // Another reader goes on where that one has stopped.
  nodes.log('b', 6)
  const next = new Reading(t, nodes, reading.news.at(-1)!.cursor)
  await eventually('the line behind the cursor', () => next.times.length === 1)
  assert.deepEqual(next.times, [6])
  assert.deepEqual(nodes.errors, [])
})

test('a reader who takes nothing holds nobody up, and is told how much it has lost', async (t) => {
  const nodes = new Nodes('a', 'b')
  let go = (): void => undefined
  const reading = new Reading(
    t,
    nodes,
    '',
    new Promise((resolve) => {
      go = resolve
    }),
  )
  const count = 40_000
  // In turns, so that what can be pulled is pulled; the ring holds 100.
  for (let n = 1; n <= count; n++) {
    nodes.log('b', n)
    if (n % 100 === 0)
      await new Promise<void>((resolve) => {
        systemClock.soon(resolve)
      })
  }
  go()
  const lost = (): number =>
    reading.news.reduce((sum, one) => (one.type === 'dropped' ? sum + one.count : sum), 0)
  await eventually('the last line', () => reading.times.at(-1) === count)
  await reading.end()
  assert.ok(lost() > 0)
  assert.equal(reading.times.length + lost(), count)
  // What waited on the way was bounded: parts here, items under way, and the ring, each of 100 lines at most.
  assert.ok(reading.times.length <= (64 + 16) * 128, String(reading.times.length))
})

test('anything that an author logs is kept as JSON, and within bounds', () => {
  const logs = new NodeLogs({ epoch: 'e' })
  const self: Record<string, unknown> = { n: 1n, map: new Map([['k', 1]]) }
  const record = { level: 'info' as const, message: 'm', component: 'c', instance: 0, timeMs: 1 }
  logs.logged('net', { ...record, details: { ...self } })
  self['self'] = self
  logs.logged('net', { ...record, details: self })
  logs.logged('net', { ...record, message: 'x'.repeat(1e6), details: { text: 'y'.repeat(1e6) } })
  const error = { name: 'Error', message: 'no', code: 'X' }
  logs.rejected('net', { component: 'c', instance: 0, port: 'in', message: undefined, error, timeMs: 2 })
  const { lines } = logs.newest('net', {}, { linesMax: 10, bytesMax: 1e9 })!
  assert.deepEqual(lines[0]?.details, { n: '1n', map: [['k', 1]] })
  assert.equal(typeof lines[1]?.details, 'string')
  assert.ok(JSON.stringify(lines[2]).length < 20_000)
  assert.deepEqual(lines[3]?.rejected, { port: 'in', message: null, code: 'X' })
})
