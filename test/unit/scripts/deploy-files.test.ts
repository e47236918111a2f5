import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inRoot } from '../../../scripts/lib/paths.ts'
import { nodeCommand } from '../../../src/cli/commands/node.ts'

const unitFile = inRoot('docs/deploy/vertigo-node.service')
const unit = readFileSync(unitFile, 'utf8')
const container = readFileSync(inRoot('docs/deploy/Containerfile'), 'utf8')
const guide = readFileSync(inRoot('docs/guide/cluster.md'), 'utf8')

/** The options of commands that begin with `start` in a text; a line that goes on ends with a backslash. */
function options(text: string, start: RegExp): readonly string[] {
  const joined = text.replaceAll(/\\\n[#\s]*/g, '')
  const lines = joined.split('\n').filter((line) => start.test(line))
  assert.ok(lines.length > 0, `nothing begins with ${start}`)
  return lines.flatMap((line) =>
    Array.from(line.split(start)[1]!.matchAll(/--([a-z-]+)/g), ([, name]) => name!),
  )
}

test('the files and the guide start nodes with options that there are', () => {
  const known = Object.keys(nodeCommand.spec.options)
  const used = [
    ...options(unit, /^ExecStart=/),
    ...options(container, /^#\s+podman run .* my-networks /),
    ...options(guide, /^npx vertigo node /),
  ]
  assert.deepEqual(
    used.filter((name) => !known.includes(name)),
    [],
  )
  for (const name of ['id', 'listen', 'tls-ca', 'tls-cert', 'tls-key']) assert.ok(used.includes(name), name)
})

test('nothing stands between SIGTERM and the node', () => {
  assert.match(unit, /^ExecStart=\/usr\/bin\/node .*\/\.bin\/vertigo node /m)
  assert.match(container, /^ENTRYPOINT \["node", ".*\/\.bin\/vertigo", "node"\]$/m)
})

test('they wait for longer than a node takes to drain', () => {
  const drainMs = Number(/Default (\d+)/.exec(nodeCommand.spec.options['drain-ms']!.about)?.[1])
  const [unitSeconds, containerSeconds] = [
    /^TimeoutStopSec=(\d+)$/m.exec(unit),
    /--stop-timeout (\d+)/.exec(container),
  ]
  assert.ok(Number(unitSeconds?.[1]) * 1000 > drainMs)
  assert.ok(Number(containerSeconds?.[1]) * 1000 > drainMs)
})

test('the container has a Node that the package takes', () => {
  const { engines } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')) as {
    engines: { node: string }
  }
  const least = Number(/^>=(\d+)/.exec(engines.node)![1])
  // The newest of its line, so above the least version of an older one.
  assert.ok(Number(/^FROM docker\.io\/library\/node:(\d+)-/m.exec(container)![1]) > least)
})

test('the folders of the service are its own, also where its user has no home', () => {
  assert.match(unit, /^StateDirectory=vertigo$/m)
  assert.match(unit, /^WorkingDirectory=\/var\/lib\/vertigo$/m)
  assert.match(unit, /^CacheDirectory=vertigo$/m)
  assert.match(unit, /^ExecStart=.* --cache \/var\/cache\/vertigo /m)
})

const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find(existsSync)
test(
  'systemd takes the unit',
  { skip: analyze === undefined ? 'there is no systemd-analyze on this machine' : false },
  (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-unit-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'vertigo-node.service')
    // It looks for the program, which may be elsewhere on this machine.
    writeFileSync(file, unit.replace('/usr/bin/node', process.execPath))
    const { status, stderr } = spawnSync(analyze!, ['verify', file], { encoding: 'utf8' })
    // It may have something to say of the machine's own units.
    const faults = stderr.split('\n').filter((line) => line.includes('vertigo-node'))
    assert.deepEqual([status, faults], [0, []])
  },
)
