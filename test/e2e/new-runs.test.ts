import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { assertCode, project, start, vertigo } from './support.ts'

/** What becomes of a file when its network is deployed again, afresh or from its last snapshot. */

const files = {
  'copy.yaml': `name: copy
guarantee: exactly-once
snapshot: { intervalMs: 100 }
components:
  lines: { kind: file-lines, config: { path: in.txt, follow: true } }
  file: { kind: file-sink, config: { path: out.txt } }
connections:
  - { from: lines.out, to: file.in }
`,
  'in.txt': 'one\ntwo\n',
}

test('a network that is deployed afresh replaces its file, and one that goes on appends to it', async (t) => {
  const folder = project(t, files)
  const own = ['--id', 'n0', '--workers', '2', '--api', '127.0.0.1:0']
  const node = start(t, ['node', '--store', `lmdb:${join(folder, 'store')}`, ...own], { cwd: folder })
  await node.until(/is the manager/)
  const env = { VERTIGO_API: /API (http\S+?),/.exec(node.stdout)![1]! }
  const run = async (...args: readonly string[]): Promise<string> => {
    const result = await vertigo(t, args, { cwd: folder, env })
    assertCode(result, 0)
    return result.stdout
  }
  const shows = async (expected: string): Promise<void> => {
    let seen = ''
    await eventually(`out.txt is ${JSON.stringify(expected)}`, () => {
      seen = readFileSync(join(folder, 'out.txt'), 'utf8')
      return seen === expected
    }).catch(() => assert.equal(seen, expected))
  }

  await run('deploy', 'copy.yaml', '--wait')
  await shows('one\ntwo\n')
  appendFileSync(join(folder, 'in.txt'), 'three\n')
  await shows('one\ntwo\nthree\n')
  await run('undeploy', 'copy', '--wait')
  await shows('one\ntwo\nthree\n')

  writeFileSync(join(folder, 'in.txt'), 'four\n')
  await run('deploy', 'copy.yaml', '--wait')
  await shows('four\n')
  await run('undeploy', 'copy', '--wait')

  const { snapshots } = JSON.parse(await run('snapshot', 'ls', 'copy', '--json')) as {
    readonly snapshots: readonly { readonly id: number }[]
  }
  const last = Math.max(...snapshots.map(({ id }) => id))
  appendFileSync(join(folder, 'in.txt'), 'five\n')
  await run('deploy', 'copy.yaml', '--from-snapshot', String(last), '--wait')
  await shows('four\nfive\n')
})
