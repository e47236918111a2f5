import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { assertCode, project, type Session, start, vertigo } from './support.ts'

/** Nodes that do not belong together, and a store that is taken away: each is refused with its code and what to do. */

function nodeIn(t: TestContext, cwd: string) {
  return (id: string, ...args: readonly string[]): Session =>
    start(t, ['node', '--store', 'lmdb:./store', '--id', id, '--workers', '1', '--api', 'off', ...args], {
      cwd,
    })
}

const joined = /has joined the cluster/

test('two clusters of one name in one store: what nodes of one cluster have in common tells', async (t) => {
  const cwd = project(t, {})
  const node = nodeIn(t, cwd)
  for (const [folder, ids] of [
    ['ours', 'a,b'],
    ['theirs', 'c'],
  ] as const)
    assertCode(await vertigo(t, ['certs', 'create', folder, '--nodes', ids], { cwd }), 0)
  const tls = (folder: string, id: string): readonly string[] =>
    ['ca', 'cert', 'key'].flatMap((what) => [
      `--tls-${what}`,
      what === 'ca' ? `${folder}/ca.pem` : `${folder}/${id}.${what === 'cert' ? 'pem' : 'key'}`,
    ])
  const ours = node('a', ...tls('ours', 'a'))
  await ours.until(joined)

  for (const [id, args, text] of [
    ['c', tls('theirs', 'c'), /another authority/],
    ['d', [], /wants TLS between its nodes/],
  ] as const) {
    const result = await node(id, ...args).ended()
    assertCode(result, 2)
    assert.match(
      result.stderr,
      /error CLUSTER_FOREIGN: The store has a cluster "vertigo" with the node "a", /,
    )
    assert.match(result.stderr, text)
    assert.match(result.stderr, /fix: .*`--cluster <name>`.*another store/)
    assert.doesNotMatch(result.stdout, joined)
  }

  // A name of its own is all that it takes.
  const theirs = node('c', ...tls('theirs', 'c'), '--cluster', 'theirs')
  await theirs.until(/has joined the cluster theirs/)
  const second = node('b', ...tls('ours', 'b'))
  await second.until(joined)
})

for (const [how, act, text] of [
  ['removed', (folder: string) => rmSync(folder, { recursive: true }), /was removed or moved away/],
  [
    'replaced by that of another cluster',
    (folder: string) => {
      renameSync(folder, `${folder}-of-before`)
      renameSync(`${folder}-other`, folder)
    },
    /was replaced by another one/,
  ],
] as const)
  test(`nodes whose store is ${how} end and say why, and do not live on beside another cluster`, async (t) => {
    const cwd = project(t, {})
    const store = join(cwd, 'store')
    const node = nodeIn(t, cwd)
    const nodes = ['a', 'b'].map((id) => node(id))
    for (const one of nodes) await one.until(joined)
    mkdirSync(`${store}-other`)
    const other = start(
      t,
      ['node', '--store', 'lmdb:./store-other', '--id', 'a', '--workers', '1', '--api', 'off'],
      { cwd },
    )
    await other.until(joined)
    other.child.kill('SIGTERM')
    assertCode(await other.ended(), 0)

    act(store)
    for (const one of nodes) {
      const result = await one.ended()
      assertCode(result, 4)
      assert.match(result.stdout, /lost its lease, ended all workers, .*The store in .* was /)
      assert.match(result.stdout, /gives up, and ends: /)
      assert.match(result.stderr, /error STORE_REPLACED: /)
      assert.match(result.stderr, text)
      assert.match(result.stderr, /fix: End what still has it open, and start it anew: /)
    }
    // The name is free: nothing of them is in the store that is there now.
    const next = node('a')
    await next.until(joined)
  })
