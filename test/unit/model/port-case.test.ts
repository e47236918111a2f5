import assert from 'node:assert/strict'
import test from 'node:test'
import { type FlatNetwork, flattenNetwork } from '../../../src/model/flatten.ts'
import type { KindInfo } from '../../../src/model/kind-info.ts'
import { parseNetwork } from '../../../src/model/parse.ts'
import { matchPortCase } from '../../../src/model/port-case.ts'

function info(inputs: string[], outputs: string[]): KindInfo {
  return {
    role: 'component',
    inputs,
    outputs,
    keyedState: false,
    rewinds: false,
    checkConfig: async () => [],
  }
}

/** Kinds are names of files, or of these. */
const kinds: Readonly<Record<string, KindInfo>> = {
  plain: info(['in', 'maxSize'], ['out', 'dead']),
  both: info(['in', 'IN', 'In2', 'iN2'], ['out']),
}

async function matched(files: Readonly<Record<string, string>>, main: string): Promise<FlatNetwork> {
  const read = (file: string) => parseNetwork(files[file]!, { file })
  const { network, places, anyCase } = read(main)
  const flat = await flattenNetwork(
    network,
    places,
    async (kind) => (files[kind] === undefined ? undefined : read(kind)),
    { anyCase },
  )
  assert.deepEqual(flat.faults, [])
  return matchPortCase(flat.network, (component) => kinds[flat.network.components[component]!.kind])
}

function ends({ connections, initial, exports }: FlatNetwork): string[] {
  return [
    ...connections.map(({ from, to }) => `${from} -> ${to}`),
    ...(initial ?? []).map(({ to }) => to),
    ...Object.entries({ ...exports?.inputs, ...exports?.outputs }).map(([name, ref]) => `${name}: ${ref}`),
  ]
}

test('a graph in the FBP language means the ports that differ by case alone', async () => {
  const text = `INPORT=A.IN:START
OUTPORT=B.Dead:DEAD
A(plain) OUT -> IN B(plain)
A ERROR -> in B
'5' -> MAXSIZE A
A OUT -> IN C(both), A NONE -> IN2 C
`
  assert.deepEqual(ends(await matched({ 'g.fbp': text }, 'g.fbp')), [
    'A.out -> B.in',
    'A.error -> B.in',
    'A.out -> C.IN',
    // Neither of these can be told; validation says so.
    'A.NONE -> C.IN2',
    'A.maxSize',
    'START: A.in',
    'DEAD: B.dead',
  ])
})

test('so does a JSON graph, unless it tells ports apart by case; other networks do', async () => {
  const graph = {
    processes: { A: { component: 'plain' }, B: { component: 'plain' } },
    connections: [{ src: { process: 'A', port: 'OUT' }, tgt: { process: 'B', port: 'IN' } }],
  }
  const json = async (more: object): Promise<string[]> =>
    ends(await matched({ 'g.json': JSON.stringify({ ...graph, ...more }) }, 'g.json'))
  assert.deepEqual(await json({}), ['A.out -> B.in'])
  assert.deepEqual(await json({ caseSensitive: false }), ['A.out -> B.in'])
  assert.deepEqual(await json({ caseSensitive: true }), ['A.OUT -> B.IN'])
  const yaml =
    'name: n\ncomponents: { A: { kind: plain }, B: { kind: plain } }\nconnections: [{ from: A.OUT, to: B.IN }]\n'
  assert.deepEqual(ends(await matched({ 'n.yaml': yaml }, 'n.yaml')), ['A.OUT -> B.IN'])
})

test('each network of a nest keeps its own way', async () => {
  const files = {
    'inner.yaml':
      'name: i\ncomponents: { x: { kind: plain } }\nconnections: []\nexports: { inputs: { begin: x.IN }, outputs: { end: x.out } }\n',
    'outer.fbp': 'A(plain) OUT -> BEGIN S(inner.yaml)\nS END -> IN B(plain)\n',
  }
  assert.deepEqual(ends(await matched(files, 'outer.fbp')), ['A.out -> S/x.IN', 'S/x.out -> B.in'])
})
