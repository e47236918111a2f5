import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { machineClock } from '../../../src/base/clock.ts'
import { connectCluster } from '../../../src/cluster.ts'
import { project } from '../../e2e/support.ts'
import { eventually } from '../../support/eventually.ts'
import { type FrozenReport, pausedMs, ttlMs } from './frozen-times.ts'

const network = JSON.stringify({
  name: 'ticks',
  components: {
    source: { kind: 'interval', config: { periodMs: 2 } },
    work: { kind: './work.ts' },
    end: { kind: 'take', config: { count: 0 } },
  },
  connections: [
    { from: 'source.out', to: 'work.in' },
    { from: 'work.out', to: 'end.in' },
  ],
})

/** Writes down which thread worked when, by the clock that all processes of the machine share. */
const work = `import { appendFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
export default function work(n: unknown) {
  appendFileSync(new URL('worked', import.meta.url), \`\${threadId} \${Number(process.hrtime.bigint()) / 1e6}\\n\`)
  return n
}
`

/** The scheduler looks at the clock after so many turns at the latest. */
const turnsOfSlice = 8

test('workers of a node that wakes behind the end of its lease do nothing, also while their agent sleeps on', async (t) => {
  const started: ChildProcess[] = []
  // Before the folder goes, into which it writes.
  t.after(async () => {
    for (const child of started) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  })
  const folder = project(t, { 'ticks.json': network, 'work.ts': work })
  const store = `lmdb:${folder}/store`
  const node = fork(join(import.meta.dirname, 'frozen-node.ts'), [store, String(ttlMs)], {
    execArgv: ['--conditions=vertigo-src'],
  })
  started.push(node)
  const told: FrozenReport[] = []
  node.on('message', (report: FrozenReport) => told.push(report))
  await eventually('the node has joined', () => told.includes('joined'), 60_000)
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  await cluster.deploy(join(folder, 'ticks.json'), { by: 'test' })
  const worked = (): readonly { readonly thread: string; readonly atMs: number }[] => {
    const file = join(folder, 'worked')
    if (!existsSync(file)) return []
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => ({ thread: line.split(' ')[0]!, atMs: Number(line.split(' ')[1]) }))
  }
  await eventually('it works', () => worked().length > 10)
  node.send('arm')
  await eventually('it is armed', () => told.includes('armed'))
  // A machine that stands still may have cost it a life before, and may cost it one more behind.
  const since = (): readonly FrozenReport[] => told.slice(told.indexOf('armed'))

  node.kill('SIGSTOP')
  await sleep(pausedMs)
  const wokenAtMs = machineClock.monotonic()
  node.kill('SIGCONT')

  await eventually('it woke, and its agent did nothing', () => since().includes('woke'))
  await eventually('it has lost its lease', () => since().includes('fenced'))
  const before = new Set(worked().flatMap(({ thread, atMs }) => (atMs < wokenAtMs ? [thread] : [])))
  const late = worked().filter(({ thread, atMs }) => before.has(thread) && atMs > wokenAtMs)
  assert.ok(late.length <= turnsOfSlice, `threads without a lease worked ${late.length} times`)
  await eventually(
    'it works again, in another life',
    () => worked().some(({ thread }) => !before.has(thread)),
    60_000,
  )
  assert.ok(since().includes('joined'))
})
