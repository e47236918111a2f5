import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { provideEtcd } from '../../scripts/servers/etcd.ts'
import { exportLines } from '../../src/cli/store/export-file.ts'
import { EtcdCluster } from '../support/etcd-cluster.ts'
import { assertCode, project, type Result, Session, start, vertigo, vertigoCommand } from './support.ts'

/** A folder with a store in it, and `vertigo store` there. */
function inProject(t: TestContext, url = 'lmdb:./store') {
  const cwd = project(t, {})
  const options = { cwd, env: { VERTIGO_STORE: url } }
  return {
    cwd,
    options,
    store: (args: readonly string[], input?: string): Promise<Result> =>
      vertigo(t, ['store', ...args], { ...options, ...(input !== undefined && { input }) }),
    start: (args: readonly string[]): Session => start(t, ['store', ...args], options),
  }
}

async function prints(result: Promise<Result>, stdout: string | RegExp): Promise<void> {
  const done = await result
  assertCode(done, 0)
  if (typeof stdout === 'string') assert.equal(done.stdout, stdout)
  else assert.match(done.stdout, stdout)
}

async function refused(result: Promise<Result>, exit: number, message: RegExp): Promise<void> {
  const done = await result
  assertCode(done, exit)
  assert.equal(done.stdout, '')
  assert.match(done.stderr, message)
  assert.match(done.stderr, /^ {2}fix: /m)
  assert.doesNotMatch(done.stderr, /^\s+at .*(node:|src\/)/m)
}

test('a key is put, read, listed and deleted', async (t) => {
  const { store } = inProject(t)
  await prints(store(['put', 'a/1', 'one']), '2\n')
  await prints(store(['put', 'a/2', '-'], 'two\nlines'), '3\n')
  await prints(store(['put', 'b', '--', '-x']), '4\n')
  await prints(store(['get', 'a/1']), 'one\n')
  await prints(store(['get', 'b']), '-x\n')
  await prints(
    store(['get', 'a/2', '--json']),
    '{"key":"a/2","createRevision":3,"modRevision":3,"version":1,"value":"two\\nlines"}\n',
  )
  await prints(store(['ls', 'a/']), /^KEY +REVISION .*\na\/1 +2 +1 +- +3\na\/2 +3 +1 +- +9\n$/)
  await prints(store(['ls', '--values']), /^a\/2 .* two\\nlines$/m)
  const first = await store(['ls', '--json', '--limit', '1'])
  assert.equal((JSON.parse(first.stdout) as { key: string }).key, 'a/1')
  assert.match(first.stderr, /more keys than these 1/)
  await prints(store(['delete', 'b']), '1\n')
  await refused(store(['delete', '--prefix', '']), 2, /Add --all-keys/)
  await prints(store(['delete', '--prefix', 'a/']), '2\n')
  await prints(store(['delete', '--prefix', 'a/']), '0\n')
  await prints(store(['ls']), '')
  await refused(store(['get', 'b']), 4, /^error STORE_KEY_MISSING: There is no key "b"/)
  await refused(store(['delete', 'b']), 4, /^error STORE_KEY_MISSING: /)
})

test('with a condition, a key is put only where it holds', async (t) => {
  const { store } = inProject(t)
  await prints(store(['put', 'k', 'first', '--if-missing']), '2\n')
  await refused(store(['put', 'k', 'x', '--if-missing']), 4, /^error STORE_CHANGED: .*revision 2/)
  await prints(store(['put', 'k', 'second', '--if-revision', '2']), '3\n')
  await refused(store(['put', 'k', 'x', '--if-revision', '2']), 4, /^error STORE_CHANGED: .*revision 3/)
  await refused(store(['put', 'no', 'x', '--if-revision', '2']), 4, /^error STORE_CHANGED: .*is not there/)
  await refused(store(['put', 'k', 'x', '--if-revision', '2', '--if-missing']), 2, /exclude each other/)
  await prints(store(['get', 'k']), 'second\n')
})

test('a value that is no text, or is too large, is treated as what it is', async (t) => {
  const { cwd, options, store } = inProject(t)
  const bytes = Buffer.from([0xff, 0x00, 0x1b, 0x5b])
  writeFileSync(join(cwd, 'bytes'), bytes)
  const shell = async (script: string): Promise<Result> =>
    new Session(t, ['sh', '-c', script, 'sh', ...vertigoCommand], options).ended()
  assertCode(await shell('"$@" store put bytes - < bytes'), 0)
  assertCode(await shell('"$@" store get bytes > read'), 0)
  assert.deepEqual(readFileSync(join(cwd, 'read')), Buffer.concat([bytes, Buffer.from('\n')]))
  const { stdout } = await store(['get', 'bytes', '--json'])
  assert.equal((JSON.parse(stdout) as { base64: string }).base64, bytes.toString('base64'))
  await prints(store(['ls', '--values']), /4 bytes that are no text/)
  await prints(store(['put', 'most', '-'], 'x'.repeat(1024 * 1024)), '3\n')
  await refused(
    store(['put', 'more', '-'], 'x'.repeat(1024 * 1024 + 1)),
    2,
    /^error STORE_VALUE_TOO_LARGE: .*1048577 bytes/,
  )
  await refused(store(['get', 'more']), 4, /^error STORE_KEY_MISSING: /)
  await prints(store(['put', 'esc\u001b[2J', 'x']), '4\n')
  const listed = await store(['ls', 'esc'])
  assert.ok(!listed.stdout.includes('\u001b'), 'a key moves the cursor')
  await refused(store(['put', '', 'x']), 2, /^error STORE_KEY_INVALID: /)
})

test('a store that is not named, not understood or not there ends with what to do', async (t) => {
  const { cwd, store } = inProject(t, '')
  await refused(store(['ls']), 2, /^error USAGE: No store was named\.\n {2}fix: Add --store <url>/)
  for (const url of ['foo:./x', 'lmdb:', 'etcd://', 'etcd://host:0', 'etcd://host?ca=x', './store'])
    await refused(store(['ls', '--store', url]), 2, /^error STORE_URL_INVALID: /)
  const secret = await store(['ls', '--store', 'etcd://me:secret@host:port'])
  assert.ok(!secret.stderr.includes('secret'), 'the error tells the password')
  await refused(store(['ls', '--store', 'lmdb:./nowhere']), 4, /^error STORE_NOT_FOUND: There is no store/)
  await refused(store(['put', 'a', 'b', '--store', 'lmdb:./no/where']), 4, /^error STORE_PLACE_UNFIT: /)
  await refused(store(['ls', '--store', 'memory:']), 2, /^error USAGE: /)
  await refused(store(['put', 'a', 'b', '--store', 'lmdb:.']), 4, /^error STORE_FOREIGN: /)
  assert.deepEqual(
    ['nowhere', 'data.mdb', 'vertigo-store.json'].filter((name) => existsSync(join(cwd, name))),
    [],
  )
})

test('an etcd that does not answer is told within the stated time', async (t) => {
  const { store } = inProject(t, 'etcd://127.0.0.1:1,127.0.0.1:2')
  await refused(
    store(['get', 'a', '--timeout', '0.5']),
    4,
    /^error STORE_UNREACHABLE: .*127\.0\.0\.1:1.*within 500 ms/,
  )
})

test('a watch prints what is there and what comes, until Ctrl-C', async (t) => {
  const { store, start: begin } = inProject(t)
  await prints(store(['put', 'a/1', 'one']), '2\n')
  const [text, json, past] = [
    begin(['watch', 'a/']),
    begin(['watch', '--json']),
    begin(['watch', '--from-revision', '1']),
  ]
  await Promise.all([text.until(/= a\/1/), json.until(/a\/1/), past.until(/a\/1/)])
  await prints(store(['put', 'a/2', 'two']), '3\n')
  await prints(store(['put', 'b', 'other']), '4\n')
  await prints(store(['delete', 'a/1']), '1\n')
  await Promise.all([text.until(/^5 /m), json.until(/"revision":5/), past.until(/^5 /m)])
  for (const session of [text, json, past]) session.child.kill('SIGINT')
  await prints(text.ended(), '2 = a/1 one\n3 + a/2 two\n5 - a/1\n')
  await prints(past.ended(), '2 + a/1 one\n3 + a/2 two\n4 + b other\n5 - a/1\n')
  const done = await json.ended()
  assertCode(done, 0)
  const events = done.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    events.map(({ type, key, resynced }) => [type, key, resynced]),
    [
      ['put', 'a/1', true],
      ['put', 'a/2', false],
      ['put', 'b', false],
      ['delete', 'a/1', false],
    ],
  )
  assert.equal((events[3]!['previous'] as { value: string }).value, 'one')
})

test('a watch that nobody reads any more ends at the next change, without words', async (t) => {
  const { options, store } = inProject(t)
  await prints(store(['put', 'a', '1']), '2\n')
  const script = '{ "$@"; echo "code $?" >&2; } | { head -1; echo seen >&2; }'
  const command = ['sh', '-c', script, 'sh', ...vertigoCommand, 'store', 'watch']
  const session = new Session(t, command, options)
  await session.until(/seen/)
  await prints(store(['put', 'a', '2']), '3\n')
  const { stdout, stderr } = await session.ended()
  assert.equal(stdout, '2 = a 1\n')
  assert.equal(stderr, 'seen\ncode 4\n')
})

test('leases are listed and ended', async (t) => {
  const { store, cwd } = inProject(t)
  await prints(store(['put', 'kept', 'x']), '2\n')
  await prints(store(['lease']), '')
  writeFileSync(
    join(cwd, 'hold.ts'),
    `import { openStore, put } from 'vertigo-flow/coordination'
const store = await openStore('lmdb:./store')
const { lease } = await store.grant(600_000)
await store.transact({ then: [put('alive', new Uint8Array([120]), lease)] })
await store.close()
console.log(lease)
`,
  )
  const command = [process.execPath, '--conditions=vertigo-src', 'hold.ts']
  const held = await new Session(t, command, { cwd }).ended()
  assertCode(held, 0)
  const lease = held.stdout.trim()
  await prints(
    store(['lease']),
    new RegExp(`^LEASE +TTL +LEFT +KEYS\n${lease} +600\\.0 s +\\d+\\.\\d s +alive\n$`),
  )
  const { stdout } = await store(['lease', '--json'])
  assert.deepEqual((JSON.parse(stdout) as { keys: string[] }).keys, ['alive'])
  await prints(store(['put', 'alive-too', 'x', '--lease', lease]), '4\n')
  await prints(store(['lease', '--revoke', lease]), '')
  await refused(store(['get', 'alive']), 4, /STORE_KEY_MISSING/)
  await refused(store(['get', 'alive-too']), 4, /STORE_KEY_MISSING/)
  await refused(store(['lease', '--revoke', lease]), 1, /STORE_LEASE_LOST/)
  await refused(store(['put', 'a', 'b', '--lease', lease]), 1, /STORE_LEASE_LOST/)
})

test('an export fills an empty store, and nothing else than a whole one does', async (t) => {
  const { cwd, store } = inProject(t)
  await prints(store(['put', 'a', 'é']), '2\n')
  await prints(store(['put', 'b', '-'], 'x'.repeat(600_000)), '3\n')
  await prints(store(['put', 'c', '-'], 'y'.repeat(600_000)), '4\n')
  const exported = await store(['export', 'backup.jsonl'])
  assertCode(exported, 0)
  assert.match(exported.stderr, /^3 keys at revision 4 /)
  const whole = readFileSync(join(cwd, 'backup.jsonl'), 'utf8')
  await prints(store(['export', '-']), whole)

  const broken = {
    foreign: '{"hello":"world"}\n',
    empty: '',
    cut: whole.slice(0, whole.lastIndexOf('{')),
    short: whole.slice(0, 100),
    changed: whole.replace('"b"', '"d"'),
    newer: whole.replace('"format":1', '"format":2'),
  }
  for (const [name, text] of Object.entries(broken)) {
    writeFileSync(join(cwd, name), text)
    await refused(
      store(['import', name, '--replace']),
      4,
      new RegExp(`^error STORE_EXPORT_INVALID: ${name} .*\n  at ${name}:\\d+`),
    )
  }
  const page = { entries: [{ key: '', value: new Uint8Array() }], revision: 1 }
  let crafted = ''
  for await (const line of exportLines([page])) crafted += line
  await refused(store(['import', '-', '--replace'], crafted), 2, /^error STORE_KEY_INVALID: /)
  await refused(store(['import', 'missing']), 4, /^error FILE_NOT_FOUND: /)
  await refused(store(['import', 'backup.jsonl']), 4, /^error STORE_NOT_EMPTY: /)
  await prints(store(['export', '-']), whole)

  const other = ['--store', 'lmdb:./other'] as const
  assertCode(await store(['import', 'backup.jsonl', ...other]), 0)
  await prints(store(['get', 'a', ...other]), 'é\n')
  assert.equal((await store(['get', 'c', ...other])).stdout.length, 600_001)
  await prints(store(['put', 'extra', 'x', ...other]), /^\d+\n$/)
  assertCode(await store(['import', '-', '--replace', ...other], whole), 0)
  await refused(store(['get', 'extra', ...other]), 4, /STORE_KEY_MISSING/)
  await refused(store(['export', 'no/where.jsonl']), 4, /^error FILE_NOT_FOUND: /)
})

test('a store of many pages and transactions goes through a pipe and comes back as it was', async (t) => {
  const { store } = inProject(t)
  const entries = Array.from({ length: 1_000 }, (_, index) => ({
    key: `key/${String(index).padStart(5, '0')}`,
    value: Buffer.from(`value ${index}`),
  }))
  let whole = ''
  for await (const line of exportLines([{ entries, revision: 1 }])) whole += line
  assertCode(await store(['import', '-'], whole), 0)
  const { stdout } = await store(['export', '-'])
  const keys = (text: string): string[] => text.split('\n').slice(1, -2)
  assert.equal(keys(stdout).length, 1_000)
  assert.deepEqual(keys(stdout), keys(whole))
})

test('an export goes to a pipe that has a name, through a link, and back from a pipe', async (t) => {
  const { cwd, options, store } = inProject(t)
  const temporary = join(cwd, 'tmp')
  mkdirSync(temporary)
  const shell = async (script: string): Promise<Result> => {
    const env = { ...options.env, TMPDIR: temporary, NODE_DISABLE_COMPILE_CACHE: '1' }
    return new Session(t, ['sh', '-c', script, 'sh', ...vertigoCommand], { cwd, env }).ended()
  }
  await prints(store(['put', 'a', 'é']), '2\n')
  const whole = (await store(['export', '-'])).stdout

  assertCode(await shell('mkfifo pipe && { cat pipe > copy.jsonl & "$@" store export pipe; wait; }'), 0)
  assert.equal(readFileSync(join(cwd, 'copy.jsonl'), 'utf8'), whole)
  assert.ok(statSync(join(cwd, 'pipe')).isFIFO())

  writeFileSync(join(cwd, 'real.jsonl'), 'before')
  symlinkSync('real.jsonl', join(cwd, 'link.jsonl'))
  assertCode(await store(['export', 'link.jsonl']), 0)
  assert.equal(readFileSync(join(cwd, 'real.jsonl'), 'utf8'), whole)
  assert.ok(lstatSync(join(cwd, 'link.jsonl')).isSymbolicLink())

  const back = await shell('{ cat copy.jsonl > pipe & "$@" store import pipe --store lmdb:./other; wait; }')
  assertCode(back, 0)
  await prints(store(['get', 'a', '--store', 'lmdb:./other']), 'é\n')
  assert.deepEqual(readdirSync(temporary), [])
})

test('an export that nobody reads to its end leaves no copy behind', async (t) => {
  const { cwd, options, store } = inProject(t)
  const temporary = join(cwd, 'tmp')
  mkdirSync(temporary)
  await prints(store(['put', 'a', '-'], 'x'.repeat(900_000)), '2\n')
  const script = '"$@" store export - | head -c 100 > start'
  const env = { ...options.env, TMPDIR: temporary, NODE_DISABLE_COMPILE_CACHE: '1' }
  await new Session(t, ['sh', '-c', script, 'sh', ...vertigoCommand], { cwd, env }).ended()
  assert.equal(readFileSync(join(cwd, 'start')).length, 100)
  assert.deepEqual(readdirSync(temporary), [])
})

test('the group has a help, and so has each of its commands', async (t) => {
  const names = ['get', 'put', 'delete', 'watch', 'ls', 'lease', 'export', 'import']
  const group = await vertigo(t, ['store', '--help'])
  assertCode(group, 0)
  for (const name of names) {
    assert.match(group.stdout, new RegExp(`^  ${name} `, 'm'))
    const help = await vertigo(t, ['store', name, '--help'])
    assertCode(help, 0)
    assert.match(help.stdout, new RegExp(`^Usage: vertigo store ${name} `))
    assert.match(help.stdout, /^ {2}--store <url> /m)
  }
  const bare = await vertigo(t, ['store'])
  assertCode(bare, 2)
  assert.equal(bare.stdout, '')
  const wrong = await vertigo(t, ['store', 'wacth'])
  assertCode(wrong, 2)
  assert.match(wrong.stderr, /Did you mean "watch"/)
})

const etcd = await provideEtcd('distribution')

test('the same over etcd', { skip: 'missing' in etcd ? etcd.missing : false }, async (t) => {
  if ('missing' in etcd) return
  const cluster = await EtcdCluster.start({ path: etcd.path })
  t.after(() => cluster.stop())
  const { store, start: begin } = inProject(t, `etcd://${cluster.endpoints[0]}/e2e`)
  await prints(store(['put', 'a', 'one', '--if-missing']), /^\d+\n$/)
  await refused(store(['put', 'a', 'two', '--if-missing']), 4, /STORE_CHANGED/)
  await prints(store(['get', 'a']), 'one\n')
  await refused(store(['get', 'b']), 4, /STORE_KEY_MISSING/)
  const watch = begin(['watch'])
  await watch.until(/= a one/)
  await prints(store(['delete', 'a']), '1\n')
  await watch.until(/- a$/m)
  watch.child.kill('SIGINT')
  assertCode(await watch.ended(), 0)
  await prints(store(['put', 'kept', 'x']), /^\d+\n$/)
  const { stdout } = await store(['export', '-'])
  assertCode(await store(['import', '-', '--store', 'lmdb:./copy'], stdout), 0)
  await prints(store(['get', 'kept', '--store', 'lmdb:./copy']), 'x\n')
})
