import assert from 'node:assert/strict'
import { BroadcastChannel, type Worker as Thread } from 'node:worker_threads'
import { test, type TestContext } from 'node:test'
import { beginningMax, NodeThreads, restMs, sparesMax } from '../../../src/cluster/node/node-threads.ts'
import { Threads } from '../../../src/run/threads.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'
import { eventually } from '../../support/eventually.ts'

const channelName = 'node-threads-test'
/** Says in which thread it was loaded. */
const says = [
  'data:text/javascript,import { BroadcastChannel, threadId } from "node:worker_threads"',
  `const channel = new BroadcastChannel("${channelName}")`,
  'channel.postMessage(threadId)',
  'channel.close()',
].join(';')

function threadsOf(t: TestContext, workers: number): { threads: NodeThreads; clock: TestClock } {
  const clock = new TestClock()
  const threads = new NodeThreads({ clock, workers, preload: [says] })
  t.after(() => threads.close())
  return { threads, clock }
}

function loadedThreads(t: TestContext): ReadonlySet<number> {
  const loaded = new Set<number>()
  const channel = new BroadcastChannel(channelName)
  channel.addEventListener('message', (event) => loaded.add((event as MessageEvent).data as number))
  t.after(() => channel.close())
  return loaded
}

const has = (threads: NodeThreads, count: number): Promise<boolean> =>
  eventually(`there are ${count} spare threads`, () => threads.sparesCount === count)

test('spare threads have loaded what workers need before anybody takes them (NT-1, NT-2)', async (t) => {
  const loaded = loadedThreads(t)
  const { threads } = threadsOf(t, 2)
  await eventually('two have loaded', () => loaded.size === 2)
  assert.equal(threads.sparesCount, 2)
  const taken = [threads.take(), threads.take()]
  t.after(() => Promise.all(taken.map((thread) => thread.terminate())))
  assert.deepEqual(new Set(taken.map(({ threadId }) => threadId)), loaded)
  assert.equal(threads.sparesCount, 0)
})

test('what was taken is replaced when no more are taken, by as many as the node may host (NT-1, NT-2)', async (t) => {
  const { threads, clock } = threadsOf(t, 3)
  await has(threads, 3)
  const taken: Thread[] = [threads.take()]
  t.after(() => Promise.all(taken.map((thread) => thread.terminate())))
  clock.advance(restMs - 1)
  taken.push(threads.take())
  clock.advance(restMs - 1)
  taken.push(threads.take())
  assert.equal(threads.sparesCount, 0, 'none was started while threads were taken')
  clock.advance(restMs)
  await has(threads, 1)
  await Promise.all(taken.map((thread) => thread.terminate()))
  clock.advance(restMs)
  await has(threads, 3)
})

test('spare threads are bounded, and a node that hosts nothing has none', async (t) => {
  const loaded = loadedThreads(t)
  const { threads: many } = threadsOf(t, 100)
  const { threads: none, clock } = threadsOf(t, 0)
  await eventually('all have loaded', () => loaded.size === sparesMax)
  clock.advance(10 * restMs)
  assert.equal(many.sparesCount, sparesMax)
  assert.equal(none.sparesCount, 0)
})

test('closing ends spare threads, and starts no more', async (t) => {
  const { threads, clock } = threadsOf(t, 2)
  const taken = threads.take()
  const last = threads.take()
  await Promise.all([taken.terminate(), threads.close()])
  await last.terminate()
  clock.advance(10 * restMs)
  assert.equal(threads.sparesCount, 0)
})

test('a spare thread that ends before it is taken is not given to anybody', async (t) => {
  const threads = new Threads({
    workers: 1,
    memoryMbMax: undefined,
    preload: ['data:text/javascript,process.exit(3)'],
  })
  t.after(() => threads.close())
  const settled: boolean[] = []
  threads.addSpare((isReady) => settled.push(isReady))
  assert.equal(threads.sparesCount, 1)
  await eventually('it is settled', () => settled.length > 0)
  assert.deepEqual(settled, [false])
  assert.equal(threads.sparesCount, 0)
})

test('what cannot be preloaded is left to whoever needs it', async (t) => {
  const threads = new Threads({
    workers: 1,
    memoryMbMax: undefined,
    preload: ['data:text/javascript,throw 1'],
  })
  t.after(() => threads.close())
  const settled: boolean[] = []
  threads.addSpare((isReady) => settled.push(isReady))
  await eventually('it is settled', () => settled.length > 0)
  assert.deepEqual(settled, [true])
  assert.equal(threads.sparesCount, 1)
})

test('what a thread prints in one turn is written in few pieces, and wholly', async (t) => {
  const lines = 20_000
  const mark = 'printed-in-a-thread'
  const pieces: string[] = []
  const write = process.stdout.write.bind(process.stdout) as (...all: unknown[]) => boolean
  t.mock.method(process.stdout, 'write', (piece: Uint8Array | string, ...rest: unknown[]) => {
    const text = typeof piece === 'string' ? piece : Buffer.from(piece).toString()
    if (!text.includes(mark)) return write(piece, ...rest)
    pieces.push(text)
    for (const done of rest) if (typeof done === 'function') setImmediate(done as () => void)
    return true
  })
  const prints = `data:text/javascript,for (let i = 0; i < ${lines}; i++) console.log("${mark}")`
  const threads = new NodeThreads({ clock: new TestClock(), workers: 1, preload: [prints] })
  t.after(() => threads.close())
  const count = (): number => pieces.join('').split(mark).length - 1
  await eventually('all is written', () => count() === lines)
  assert.ok(pieces.length < 200, `it took ${pieces.length} writes`)
})

test('no more threads begin at the same time than there are cores, and a failure gives its turn on (NT-3)', async (t) => {
  const { threads } = threadsOf(t, 0)
  const begun: (() => void)[] = []
  const count = 3 * beginningMax
  let atOnce = 0
  let most = 0
  const turns = Array.from({ length: count }, (_, at) =>
    threads.inTurn(async () => {
      most = Math.max(most, ++atOnce)
      await new Promise<void>((resolve) => {
        begun.push(resolve)
      })
      atOnce--
      if (at % 2 === 1) throw new Error('it does not begin')
    }),
  )
  const settled = Promise.allSettled(turns)
  for (let done = 0; done < count; done++) {
    await eventually('another one begins', () => begun.length > 0)
    assert.ok(begun.length <= beginningMax)
    begun.shift()!()
  }
  const results = await settled
  assert.equal(results.filter(({ status }) => status === 'rejected').length, count >> 1)
  assert.equal(most, beginningMax)
  await threads.inTurn(async () => undefined)
})
