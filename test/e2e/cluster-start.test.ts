import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { assertCode, project, type Session, start, vertigo } from './support.ts'

interface NodeLine {
  readonly type: string
  readonly node?: string
  readonly pid?: number
  readonly api?: string
  readonly manager?: string
}

function lines(session: Session): readonly NodeLine[] {
  return session.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as NodeLine)
}

/** Process ids of all nodes that have joined. */
function pids(session: Session): readonly number[] {
  return lines(session).flatMap(({ type, pid }) => (type === 'joined' && pid !== undefined ? [pid] : []))
}

async function allGone(found: readonly number[]): Promise<void> {
  await eventually(`the processes ${found.join(', ')} are gone`, () =>
    found.every((pid) => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true
      }
    }),
  )
}

async function startCluster(t: TestContext, nodes: number): Promise<Session> {
  const args = `cluster start --nodes ${nodes} --store ./store --api 127.0.0.1:0 --ttl-ms 10000 --json`
  const session = start(t, args.split(' '), { cwd: project(t, {}) })
  t.after(() => end(session))
  await session.until(/"type":"ready"/)
  return session
}

function end(session: Session): void {
  for (const pid of pids(session)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended, as it should.
    }
  }
}

test('a cluster on one machine: it gets ready, says which node died, and leaves as a whole', async (t) => {
  const session = await startCluster(t, 2)
  const ready = lines(session).find(({ type }) => type === 'ready')!
  assert.match(ready.manager ?? '', /^node-[12]$/)
  assert.equal(pids(session).length, 2)
  const answer = await fetch(`${ready.api}/v1/nodes`)
  const nodes = (await answer.json()) as readonly { id: string; manager: boolean; pid: number }[]
  assert.deepEqual(
    nodes.map(({ id, manager }) => ({ id, manager })),
    ['node-1', 'node-2'].map((id) => ({ id, manager: id === ready.manager })),
  )
  const victim = nodes.find(({ id }) => id === 'node-2')!
  process.kill(victim.pid, 'SIGKILL')
  await session.until(/"type":"died","node":"node-2"/)
  await eventually(
    'the others know that it is no more',
    async () => {
      const left = (await (await fetch(`${ready.api}/v1/nodes`)).json()) as readonly { id: string }[]
      return left.length === 1
    },
    60_000,
  )
  session.child.kill('SIGINT')
  const result = await session.ended()
  assertCode(result, 0)
  await allGone(pids(session))
})

test('nodes do not outlive the command that started them, however it ends', async (t) => {
  const session = await startCluster(t, 2)
  session.child.kill('SIGKILL')
  await session.ended()
  await allGone(pids(session))
})

test('a second cluster over the store of the first is refused, and the first one goes on', async (t) => {
  const folder = project(t, {})
  const args = 'cluster start --nodes 2 --store ./store --api 127.0.0.1:0 --json --ttl-ms'.split(' ')
  const first = start(t, [...args, '30000'], { cwd: folder })
  t.after(() => end(first))
  await first.until(/"type":"ready"/)
  const second = start(t, [...args, '1000'], { cwd: folder })
  const result = await second.ended()
  assertCode(result, 2)
  assert.match(
    result.stderr,
    /error CLUSTER_RUNS: The cluster "vertigo" over .*\/store runs already: node-1 \(process \d+\), node-2 /,
  )
  assert.match(result.stderr, /fix: End that one first, or .*--store.*--cluster.*vertigo node --store lmdb:/)
  assert.equal(result.stdout, '', 'none of its nodes was started')
  const ready = lines(first).find(({ type }) => type === 'ready')!
  const nodes = (await (await fetch(`${ready.api}/v1/nodes`)).json()) as readonly { pid: number }[]
  assert.deepEqual(new Set(nodes.map(({ pid }) => pid)), new Set(pids(first)))
})

test('what the nodes are to have is given to them: certificates, tokens, the level of their logs', async (t) => {
  const token = 'viewer-token-0123456789'
  const cwd = project(t, { tokens: `viewer screen ${token}\n` })
  const made = await vertigo(t, ['certs', 'create', 'certs', '--nodes', 'node-1,node-2'], { cwd })
  assertCode(made, 0)
  const command = (nodes: number): Session => {
    const args = `cluster start --nodes ${nodes} --api 127.0.0.1:0 --certs certs --tokens tokens --log-level warn --ttl-ms 30000 --json`
    const session = start(t, args.split(' '), { cwd })
    t.after(() => end(session))
    return session
  }
  const lacking = await command(3).ended()
  assertCode(lacking, 4)
  assert.match(
    lacking.stderr,
    /FILE_UNREADABLE: [^]*certs\/node-3\.pem[^]*fix: .*create certs --nodes node-3`/,
  )
  assert.equal(lacking.stdout, '', 'no node was started')

  const session = command(2)
  await session.until(/"type":"ready"/)
  const { api } = lines(session).find(({ type }) => type === 'ready')!
  assert.equal((await fetch(`${api}/v1/nodes`)).status, 401)
  const answer = await fetch(`${api}/v1/nodes`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(answer.status, 200)
  assert.ok(!lines(session).some(({ type }) => type === 'elected'), 'below the level')
  // One without certificates is not of this cluster: so the others have TLS.
  const store = /lmdb:\S+vertigo-cluster-\w+/.exec(
    readFileSync(`/proc/${pids(session)[0]}/cmdline`, 'latin1').replaceAll('\0', ' '),
  )![0]
  const open = await vertigo(t, ['node', '--store', store, '--api', 'off', '--ttl-ms', '500'], { cwd })
  assertCode(open, 2)
  assert.match(open.stderr, /CLUSTER_FOREIGN: .*wants TLS/)
})
