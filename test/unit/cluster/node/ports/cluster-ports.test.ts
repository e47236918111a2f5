import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorToData, VertigoError } from '../../../../../src/base/errors.ts'
import type { ClientPortCommand } from '../../../../../src/component/client-port.ts'
import type { PortNews } from '../../../../../src/cluster/client/index.ts'
import type { ClusterView } from '../../../../../src/cluster/protocol/index.ts'
import { ClusterPorts, type ClusterPortsMeans } from '../../../../../src/cluster/node/ports/cluster-ports.ts'
import { placeOfPort } from '../../../../../src/cluster/node/ports/port-place.ts'
import { PortLines } from '../../../../../src/cluster/node/ports/port-lines.ts'
import { eventLoopTurn, TestClock } from '../../../../../src/testkit/test-clock.ts'
import { rejectsWith } from '../../../testkit/errors.ts'

/** A port of this node, as a reader over any node sees it. */

function portOfThisNode(component = 'client-output:all') {
  const clock = new TestClock()
  const lines = new PortLines(clock)
  const plan = {
    instances: [{ component, worker: 1, draining: false }],
    workers: [{ worker: 1, node: 'a' }],
    waiting: [],
  }
  const network = {
    name: 'net',
    desired: { value: { version: 1, goal: 'run' } },
    outcome: { value: { version: 1, state: 'running' } },
    versions: new Map([
      [1, { value: { flat: { exports: { inputs: { some: 'it.in' }, outputs: { all: 'it.out' } } } } }],
    ]),
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
  const isCommitted = component === 'client-output:all'
  const open = () => lines.opened('net', component, (command) => told.push(command), isCommitted)
  return {
    clock,
    told,
    open,
    network,
    plan,
    ports: new ClusterPorts(means as unknown as ClusterPortsMeans),
  }
}

test('an id that would come out as another one at the end of a thread is refused', async () => {
  const { ports } = portOfThisNode()
  for (const id of ['\ud800', 'a\udfff', '', 'x'.repeat(257)])
    await rejectsWith(
      ports.request('net', { port: 'some', message: 1, id }),
      'CLIENT_MESSAGE_INVALID',
      /^The id of a request has /,
    )
})

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

test('CP-7 who reads comes back while the network is being undeployed, as long as the port has its instance, and hears its end', async () => {
  const cases = [true, false].flatMap(
    (draining) =>
      [
        { draining, told: 'PORT_CLOSED', reads: 'its end' },
        { draining, told: 'READER_CUT_OFF', reads: 'READER_CUT_OFF' },
        // The line breaks without a word.
        { draining, told: undefined, reads: 'READER_CUT_OFF' },
      ] as const,
  )
  for (const { draining, ...end } of cases) {
    const { clock, told, open, network, plan, ports } = portOfThisNode()
    const texts: string[] = []
    let ended: unknown
    let follows = 0
    const reading = (async () => {
      for await (const one of ports.read('net', 'all')) if (one.type === 'messages') texts.push(...one.texts)
    })().then(
      () => (ended = 'its end'),
      (error: unknown) => (ended = (error as VertigoError).code),
    )
    const begin = async (line: ReturnType<typeof open>, at: string): Promise<unknown> => {
      await eventLoopTurn()
      clock.advance(50)
      await eventLoopTurn()
      const follow = told.splice(0).find(({ type }) => type === 'follow')
      assert.ok(follow?.type === 'follow', 'it is followed')
      follows = follow.id
      line.receive({ type: 'following', id: follow.id, at, missed: false })
      await eventLoopTurn()
      line.receive({ type: 'part', id: follow.id, at: `${at}.1`, texts: [`"${at}"`] })
      await eventLoopTurn()
      return follow.after
    }
    const closed = async (calling: Promise<unknown>, because: RegExp): Promise<void> => {
      const refused = rejectsWith(calling, 'PORT_CLOSED', because)
      await eventLoopTurn()
      // For the comparison with the store.
      clock.advance(250)
      await refused
    }
    const first = open()
    await begin(first, '1.4')
    network.desired.value.goal = 'stop'
    plan.instances[0]!.draining = draining
    first.lost()
    const second = open()
    assert.equal(await begin(second, '1.5'), '1.4.1')
    await closed(ports.send('net', 'some', [1]), /is being undeployed/)
    await ports.check('net', 'output', 'all')
    plan.instances.pop()
    await closed(ports.check('net', 'output', 'all'), /is being undeployed/)
    network.outcome.value.state = 'stopped'
    await closed(ports.check('net', 'output', 'all'), /was undeployed/)
    assert.equal(ended, undefined)
    if (end.told !== undefined)
      second.receive({
        type: 'unfollowed',
        id: follows,
        error: errorToData(new VertigoError(end.told, 'the end')),
      })
    second.lost()
    await eventLoopTurn()
    clock.advance(50)
    await reading
    assert.equal(ended, end.reads)
    assert.deepEqual(texts, ['"1.4"', '"1.5"'])
  }
})

test('CR-2 of a request that may have been handed over, no error says that nothing was taken', async () => {
  const busy = errorToData(new VertigoError('PORT_BUSY', 'too many'))
  const late = errorToData(new VertigoError('SEND_TIMED_OUT', 'not taken'))
  for (const first of ['asked', 'lost'] as const)
    for (const [refusal, code] of [
      [busy, first === 'asked' ? 'PORT_BUSY' : 'REQUEST_TIMED_OUT'],
      [late, first === 'asked' ? 'SEND_TIMED_OUT' : 'REQUEST_TIMED_OUT'],
      ['closed', first === 'asked' ? 'PORT_CLOSED' : 'SEND_OUTCOME_UNKNOWN'],
    ] as const) {
      const { clock, told, open, network, ports } = portOfThisNode('client-input:some')
      const line = open()
      if (first === 'asked' && refusal === 'closed') network.desired.value.goal = 'stop'
      const asking = ports.request('net', { port: 'some', message: 1, id: 'a', timeoutMs: 1_000 })
      asking.catch(() => undefined)
      await eventLoopTurn()
      let last = line
      if (first === 'lost') {
        assert.equal(told.splice(0).length, 1)
        if (refusal === 'closed') network.desired.value.goal = 'stop'
        else last = open()
        line.lost()
        await eventLoopTurn()
        clock.advance(50)
        await eventLoopTurn()
      }
      const [command] = told.splice(0)
      if (command?.type === 'request') {
        assert.equal(command.again, first === 'lost')
        if (refusal !== 'closed') last.receive({ type: 'refused', id: command.id, error: refusal })
      }
      for (let turn = 0; turn < 40; turn++) {
        await eventLoopTurn()
        clock.advance(50)
      }
      await rejectsWith(asking, code)
    }
  const { network, ports } = portOfThisNode('client-input:some')
  network.desired.value.goal = 'stop'
  await rejectsWith(
    ports.request('net', { port: 'some', message: 1, id: 'a', again: true }),
    'SEND_OUTCOME_UNKNOWN',
  )
})

test('DE-9 while what was undeployed comes to its end, what is sent waits for what was deployed then, and outputs are read there', () => {
  const exported = (inputs: object, outputs: object) => ({
    value: { flat: { guarantee: 'exactly-once', exports: { inputs, outputs } } },
  })
  const network = {
    name: 'net',
    desired: { value: { version: 2, goal: 'run', begunWith: 2, changedAtMs: 1 } },
    outcome: { value: { version: 1, state: 'running' } },
    versions: new Map([
      [1, exported({ some: 'it.in' }, { all: 'it.out' })],
      [2, exported({ some: 'it.in' }, { other: 'it.out' })],
    ]),
    plan: {
      value: {
        version: 1,
        instances: ['client-input:some', 'client-output:all'].map((component) => ({ component, worker: 1 })),
        workers: [{ worker: 1, node: 'a' }],
        waiting: [],
      },
    },
  }
  const view = { networks: new Map([['net', network]]) } as unknown as ClusterView
  const ending = { waits: 'what was undeployed is coming to its end' }
  assert.deepEqual(placeOfPort(view, 'net', 'input', 'some'), ending)
  assert.deepEqual(placeOfPort(view, 'net', 'output', 'all'), { node: 'a' })
  assert.deepEqual(placeOfPort(view, 'net', 'output', 'other'), { waits: 'the network is being deployed' })
  network.outcome.value = { version: 1, state: 'stopped' }
  assert.deepEqual(placeOfPort(view, 'net', 'input', 'some'), { node: 'a' })
})
