import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertCode, project, type Result, type Session, start, vertigo } from './support.ts'
import { eventually } from '../support/eventually.ts'

/** `vertigo snapshot`, and deploying from snapshots, on three nodes that are processes. */

const network = (extra = ''): string => `name: tally
guarantee: exactly-once
snapshot: { intervalMs: 100 }
components:
  numbers: { kind: generator, config: { rate: 100 } }
  count: { kind: ./count.ts, instances: 2 }
${extra}connections:
  - { from: numbers.out, to: count.in, selector: hash }
`

const files = {
  'tally.yaml': network(),
  // All that is saved is in files, however small.
  'filed.yaml': network().replace('intervalMs: 100', 'intervalMs: 100, inlineBytesMax: 0'),
  'other.yaml': network().replace('name: tally', 'name: other'),
  'count.ts': `import { defineComponent, port, value } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  state: { seen: value(0) },
  setup({ log }) {
    return { on: { in: (n, { state }) => {
      const seen = state.seen.update((before) => before + 1)
      if (seen === 1) log.info('first ' + n)
    } } }
  },
})
`,
}

interface Place {
  readonly folder: string
  readonly api: string
  readonly nodes: readonly Session[]
  readonly ask: (...args: readonly string[]) => Promise<Result>
}

async function cluster(t: TestContext, count: number, ...args: readonly string[]): Promise<Place> {
  const folder = project(t, files)
  const nodes: Session[] = []
  let api = ''
  for (let at = 0; at < count; at++) {
    const own = ['--id', `n${at}`, '--workers', '2', '--api', '127.0.0.1:0', '--ttl-ms', '30000']
    const node = start(t, ['node', '--store', `lmdb:${join(folder, 'store')}`, ...own, ...args], {
      cwd: folder,
    })
    await node.until(/has joined the cluster/)
    api ||= /API (http\S+?),/.exec(node.stdout)![1]!
    nodes.push(node)
  }
  await nodes[0]!.until(/is the manager/)
  const ask = (...given: readonly string[]): Promise<Result> =>
    vertigo(t, given, { cwd: folder, env: { VERTIGO_API: api } })
  return { folder, api, nodes, ask }
}

function json(result: Result): Record<string, unknown> {
  assertCode(result, 0)
  return JSON.parse(result.stdout) as Record<string, unknown>
}

test('snapshots of a network on three nodes are taken with a name, listed and shown', async (t) => {
  const { ask } = await cluster(t, 3)
  assertCode(await ask('deploy', 'tally.yaml', '--wait'), 0)

  const made = await ask('snapshot', 'create', 'tally', '--name', 'first', '--wait')
  assertCode(made, 0)
  assert.match(made.stdout, /^tally: snapshot \d+ is kept as "first", [\d.]+ [KM]?i?B in \d+ ms\n$/)
  const first = json(await ask('snapshot', 'show', 'tally', 'first', '--json'))
  const id = (first['snapshot'] as { id: number }).id

  const listed = await ask('snapshot', 'ls', 'tally')
  assertCode(listed, 0)
  assert.match(listed.stdout, /^SNAPSHOT +COMMITTED +AGE +TOOK +SIZE +VERSION +NAMES/)
  assert.match(listed.stdout, new RegExp(`^${id} .* first`, 'm'))
  assert.match(listed.stdout, /current/)

  const shown = await ask('snapshot', 'show', 'tally', 'first')
  assertCode(shown, 0)
  assert.match(shown.stdout, new RegExp(`^tally: snapshot ${id}`))
  assert.match(shown.stdout, /^count\[1\] +[\d.]+ [KM]?i?B +\d+ +128-255/m)
})

test('a snapshot is gone back to, where that is accepted, and removed', async (t) => {
  const { ask } = await cluster(t, 1)
  assertCode(await ask('deploy', 'tally.yaml', '--wait'), 0)
  assertCode(await ask('snapshot', 'create', 'tally', '--name', 'first', '--wait'), 0)
  const wrong = await ask('snapshot', 'show', 'tally', 'frist')
  assertCode(wrong, 2)
  assert.match(wrong.stderr, /SNAPSHOT_UNKNOWN.*Did you mean .*first/s)

  const refused = await ask('deploy', 'tally.yaml', '--from-snapshot', 'first')
  assertCode(refused, 2)
  assert.match(refused.stderr, /SNAPSHOT_REPEATS/)
  assert.match(refused.stderr, /--accept-duplicates/)
  const back = await ask('deploy', 'tally.yaml', '--from-snapshot', 'first', '--accept-duplicates', '--wait')
  assertCode(back, 0)

  const taken = await ask('snapshot', 'create', 'tally', '--name', 'first', '--wait')
  assertCode(taken, 2)
  assert.match(taken.stderr, /SNAPSHOT_NAME_TAKEN.*"first".*--replace/s)
  const numberOf = async (name: string): Promise<unknown> =>
    (json(await ask('snapshot', 'show', 'tally', name, '--json'))['snapshot'] as { id: number }).id
  const before = await numberOf('first')
  assertCode(await ask('snapshot', 'create', 'tally', '--name', 'first', '--replace', '--wait'), 0)
  assert.notEqual(await numberOf('first'), before)

  assertCode(await ask('snapshot', 'rm', 'tally', 'first'), 0)
  assert.doesNotMatch((await ask('snapshot', 'ls', 'tally')).stdout, /first/)
})

test('files of a state that changes all the time stay few, and are deleted when nobody needs them', async (t) => {
  const { api, ask, folder } = await cluster(t, 1)
  assertCode(await ask('deploy', 'filed.yaml', '--wait'), 0)
  type Content = {
    snapshot: { id: number }
    manifest: { instances: { component: string; files: { name: string; until: number }[] }[] }
  }
  // Commands take as long as some snapshots.
  const get = async (path: string): Promise<unknown> =>
    (await fetch(`${api}/v1/networks/tally/snapshots${path}`)).json()
  const newest = async (): Promise<Content> => {
    const { snapshots } = (await get('')) as { snapshots: { id: number }[] }
    return (await get(`/${snapshots[0]!.id}/content`)) as Content
  }
  assertCode(await ask('snapshot', 'create', 'tally', '--name', 'one', '--wait'), 0)
  const begun = (await newest()).snapshot.id
  let content = await newest()
  // A file that was merged may be used for many snapshots.
  const isMerged = (): boolean =>
    content.manifest.instances.some(({ files }) => (files[0]?.until ?? 0) > content.snapshot.id)
  await eventually('files have been merged', async () => {
    content = await newest()
    return content.snapshot.id > begun + 12 && isMerged()
  })
  for (const { component, files } of content.manifest.instances)
    assert.ok(files.length <= 24, `${component} has ${files.length} files`)

  const there = (): string[] =>
    readdirSync(join(folder, 'store-snapshots', 'tally'), { recursive: true, encoding: 'utf8' })
  assertCode(await ask('undeploy', 'tally', '--wait'), 0)
  assertCode(await ask('snapshot', 'rm', 'tally', 'one'), 0)
  const { snapshots } = json(await ask('snapshot', 'ls', 'tally', '--json')) as {
    snapshots: { id: number; isLast: boolean; manifest: { name: string } }[]
  }
  assert.deepEqual(
    snapshots.map(({ isLast }) => isLast),
    [true],
    'what it could go on from is kept',
  )
  const { manifest } = json(
    await ask('snapshot', 'show', 'tally', String(snapshots[0]!.id), '--json'),
  ) as unknown as Content
  const needed = [
    snapshots[0]!.manifest.name,
    ...manifest.instances.flatMap(({ files }) => files.map(({ name }) => name)),
  ]
  await eventually(
    'nothing but that is left',
    () => {
      const manifests = there().filter((name) => name.endsWith('manifest'))
      return Promise.resolve(manifests.length === 1)
    },
    60_000,
  )
  for (const name of needed) assert.ok(existsSync(join(folder, 'store-snapshots', name)), name)
  assertCode(await ask('deploy', 'filed.yaml', '--from-snapshot', String(snapshots[0]!.id), '--wait'), 0)
})

test('an export goes on in another cluster, as if it had always been there', async (t) => {
  const first = await cluster(t, 1)
  assertCode(await first.ask('deploy', 'tally.yaml', '--wait'), 0)
  assertCode(await first.ask('snapshot', 'create', 'tally', '--name', 'keep', '--wait'), 0)
  const backup = join(first.folder, 'backup')
  const written = await first.ask('snapshot', 'export', 'tally', 'keep', backup)
  assertCode(written, 0)
  assert.match(written.stdout, /^tally: snapshot \d+ is in .*backup: \d+ files, /)
  const again = await first.ask('snapshot', 'export', 'tally', 'keep', backup)
  assertCode(again, 4)
  assert.match(again.stderr, /FOLDER_NOT_EMPTY/)

  const second = await cluster(t, 1)
  const none = await second.ask('deploy', 'tally.yaml', '--from-snapshot', './nowhere')
  assertCode(none, 2)
  assert.match(none.stderr, /SNAPSHOT_EXPORT_INVALID/)
  const foreign = await second.ask('deploy', 'other.yaml', '--from-snapshot', backup)
  assertCode(foreign, 4)
  assert.match(foreign.stderr, /SNAPSHOT_FOREIGN.*"tally", not of "other"/s)
  const moved = await second.ask('deploy', 'tally.yaml', '--from-snapshot', backup, '--wait')
  assertCode(moved, 0)
  assert.match(moved.stderr, /snapshot \d+: \d+ files sent, kept as "imported-\d+-\d+"/)
  const { snapshots } = json(await first.ask('snapshot', 'ls', 'tally', '--json')) as {
    snapshots: { id: number; names: string[] }[]
  }
  const id = snapshots.find(({ names }) => names.includes('keep'))!.id
  await second.nodes[0]!.until(new RegExp(`generation 1 .*from snapshot ${id}`))
  // What it takes now has greater numbers, and refers to what was brought.
  assertCode(await second.ask('snapshot', 'create', 'tally', '--name', 'here', '--wait'), 0)
  const { snapshot } = json(await second.ask('snapshot', 'show', 'tally', 'here', '--json')) as {
    snapshot: { id: number; incarnation: number }
  }
  assert.ok(snapshot.id > id, `${snapshot.id} comes after ${id}`)
  // No key is counted as seen for the first time once more.
  const firsts: readonly string[] = second.nodes[0]!.stdout.match(/info: first (\d+)/g) ?? []
  const before: readonly string[] = first.nodes[0]!.stdout.match(/info: first (\d+)/g) ?? []
  assert.ok(!firsts.includes(before[0]!), `${before[0]} was seen before`)
})

test('the state of a key is read by the command line and over HTTP; what is not there is told by name', async (t) => {
  const { ask, api } = await cluster(t, 1)
  assertCode(await ask('deploy', 'tally.yaml', '--wait'), 0)
  assertCode(await ask('snapshot', 'create', 'tally', '--name', 'first', '--wait'), 0)
  await eventually('the first number is in a snapshot', async () => {
    const { code } = await ask('state', 'get', 'tally', 'count', '0')
    return code === 0
  })
  const read = await ask('state', 'get', 'tally', 'count', '0')
  assertCode(read, 0)
  assert.match(
    read.stdout,
    /^count\[[01]\] at 0, by snapshot \d+ \(version 1\), [\d.]+ s ago\n\nSTATE +VALUE\nseen +1\n$/,
  )
  const reading = json(await ask('state', 'get', 'tally', 'count', '0', '--json'))
  assert.deepEqual(reading['states'], { seen: 1 })
  const url = `${api}/v1/networks/tally/components`
  const get = async (path: string): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${url}${path}`)
    return { status: response.status, body: await response.json() }
  }
  const { status, body } = await get('/count/state?key=0')
  assert.equal(status, 200)
  const { states, key, instance } = body as { states: unknown; key: unknown; instance: unknown }
  assert.deepEqual({ states, key, instance }, { states: { seen: 1 }, key: 0, instance: reading['instance'] })

  // As the snapshot had it, not as it is now: numbers go on, and this one was not there.
  const { snapshot } = json(await ask('snapshot', 'show', 'tally', 'first', '--json')) as {
    snapshot: { id: number }
  }
  const later = '1000000'
  const byName = await ask('state', 'get', 'tally', 'count', later, '--snapshot', 'first')
  assertCode(byName, 1)
  assert.match(byName.stderr, new RegExp(`STATE_KEY_UNKNOWN[^]*Snapshot ${snapshot.id} has nothing`))
  const refused: readonly (readonly [readonly string[], string, number, string])[] = [
    [['tally', 'count', '"0"'], '/count/state?key=%220%22', 404, 'STATE_KEY_UNKNOWN'],
    [['tally', 'cuont', '0'], '/cuont/state?key=0', 404, 'COMPONENT_UNKNOWN'],
    [['tally', 'numbers', '0'], '/numbers/state?key=0', 409, 'STATE_NOT_KEYED'],
    [
      ['tally', 'count', '0', '--snapshot', 'frist'],
      '/count/state?key=0&snapshot=frist',
      404,
      'SNAPSHOT_UNKNOWN',
    ],
  ]
  for (const [args, path, expected, code] of refused) {
    const told = await ask('state', 'get', ...args)
    assert.notEqual(told.code, 0, told.stdout)
    assert.match(told.stderr, new RegExp(code))
    const answer = await get(path)
    const { error } = answer.body as { error: { code: string } }
    assert.deepEqual([answer.status, error.code], [expected, code])
  }
  const noJson = await get('/count/state?key=the')
  assert.equal(noJson.status, 400)
})
