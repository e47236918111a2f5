import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientPortCommand } from '../../../../../src/component/client-port.ts'
import type { PortNews } from '../../../../../src/cluster/client/index.ts'
import { ClusterPorts, type ClusterPortsMeans } from '../../../../../src/cluster/node/ports/cluster-ports.ts'
import { PortLines } from '../../../../../src/cluster/node/ports/port-lines.ts'
import { eventLoopTurn, TestClock } from '../../../../../src/testkit/test-clock.ts'

/** A port of this node, as a reader over any node sees it. */

function portOfThisNode() {
  const clock = new TestClock()
  const lines = new PortLines(clock)
  const plan = {
    instances: [{ component: 'client-output:all', worker: 1, draining: false }],
    workers: [{ worker: 1, node: 'a' }],
    waiting: [],
  }
  const network = {
    name: 'net',
    desired: { value: { version: 1, goal: 'run' } },
    versions: new Map([[1, { value: { flat: { exports: { outputs: { all: 'it.out' } } } } }]]),
    plan: { value: plan },
  }
  const means = {
    lines,
    peers: { self: 'a' },
    view: () => ({ networks: new Map([['net', network]]) }),
    catchUp: () => Promise.resolve(),
    clock,
  }
  const told: ClientPortCommand[] = []
  const open = () => lines.opened('net', 'client-output:all', (command) => told.push(command), true)
  return { clock, told, open, ports: new ClusterPorts(means as unknown as ClusterPortsMeans) }
}

test('PC-2 who reads what is committed goes on behind it at the next instance, and hears of it where something is missing', async () => {
  const { clock, told, open, ports } = portOfThisNode()
  const ending = new AbortController()
  const news: PortNews[] = []
  const reading = (async () => {
    for await (const one of ports.read('net', 'all', { signal: ending.signal })) news.push(one)
  })()
  const begin = async (line: ReturnType<typeof open>, at: string, missed: boolean): Promise<unknown> => {
    await eventLoopTurn()
    clock.advance(50)
    await eventLoopTurn()
    const follow = told.splice(0).find(({ type }) => type === 'follow')
    assert.ok(follow?.type === 'follow')
    line.receive({ type: 'following', id: follow.id, at, missed })
    await eventLoopTurn()
    line.receive({ type: 'part', id: follow.id, at: `${at}.1`, texts: [`"${at}"`, '"b"'] })
    await eventLoopTurn()
    return follow.after
  }
  const first = open()
  assert.equal(await begin(first, '1.4', false), undefined)
  first.lost()
  const second = open()
  assert.equal(await begin(second, '1.7', false), '1.4.2')
  second.lost()
  assert.equal(await begin(open(), '1.9', true), '1.7.2')
  ending.abort()
  clock.advance(50)
  await reading
  const seen = news.map((one) => (one.type === 'reading' ? `reading ${one.missed}` : one.texts[0]))
  assert.deepEqual(seen, ['reading false', '"1.4"', '"1.7"', 'reading true', '"1.9"'])
})
