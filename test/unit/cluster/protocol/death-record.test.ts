import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asGeneration,
  asInstanceId,
  asNodeId,
  asTerm,
  asVersion,
  asWorkerNumber,
  type BereavedNetwork,
  deathOf,
  earlierMs,
  freshMs,
} from '../../../../src/cluster/protocol/index.ts'

interface Hosted {
  readonly component: string
  /** Undefined: longer ago than a plan says. */
  readonly placedAtMs?: number
  readonly deaths?: number
  readonly node?: string
  readonly finished?: true
  readonly hasBegun?: false
  /** The generation that was the first with it there, where a recovery made it again. */
  readonly hereSince?: number
}

/** A network of these, each of a generation of its own. */
function network(name: string, ...all: readonly Hosted[]): BereavedNetwork {
  const nodes = [...new Set(all.map(({ node = 'n1' }) => node))]
  const begun = all.filter(({ hasBegun }) => hasBegun !== false).length
  return {
    name,
    lastOpen: asGeneration(begun),
    plan: {
      network: name,
      generation: asGeneration(all.length),
      parent: asGeneration(all.length - 1),
      term: asTerm(1),
      version: asVersion(1),
      workers: nodes.map((node, at) => ({
        worker: asWorkerNumber(at),
        node: asNodeId(node),
        incarnation: `${node}'`,
      })),
      instances: all.map(({ component, node = 'n1', finished, hereSince }, at) => ({
        id: asInstanceId(at),
        component,
        index: 0,
        worker: asWorkerNumber(nodes.indexOf(node)),
        version: asVersion(1),
        since: asGeneration(at + 1),
        draining: false,
        ...(hereSince !== undefined && { hereSince: asGeneration(hereSince) }),
        ...(finished && { finished }),
      })),
      connections: {},
      waiting: [],
      done: [],
      failures: [],
      deaths: all.flatMap(({ component, deaths: count }) =>
        count === undefined ? [] : [{ component, count, lastAtMs: 0, nodes: [] }],
      ),
      recent: all.flatMap(({ placedAtMs }, at) =>
        placedAtMs === undefined ? [] : [{ generation: asGeneration(at + 1), atMs: placedAtMs }],
      ),
      nextWorker: asWorkerNumber(nodes.length),
      nextInstance: asInstanceId(all.length),
      nextConnection: 0,
    },
  }
}

const nowMs = 1_000_000
const justNow = nowMs - 100

function suspects(...networks: readonly BereavedNetwork[]): readonly string[] {
  const death = deathOf(networks, { id: asNodeId('n1'), incarnation: "n1'" }, nowMs)
  const names = death.suspects.map(({ network: name, component }) => `${name}/${component}`)
  return death.isFresh ? ['fresh', ...names] : names
}

test('DR-3 what a node had just got is suspected, in whatever network, and what it had before is not', () => {
  const old = network('old', { component: 'a' }, { component: 'b', placedAtMs: nowMs - freshMs })
  const made = network('new', { component: 'c', placedAtMs: justNow }, { component: 'd' })
  assert.deepEqual(suspects(old, made), ['fresh', 'new/c'])
})

test('DR-3 where nothing was new, all that it had is', () => {
  const one = network('one', { component: 'a' }, { component: 'b', node: 'n2' })
  const other = network('other', { component: 'c', placedAtMs: nowMs - freshMs })
  assert.deepEqual(suspects(one, other), ['one/a', 'other/c'])
})

test('DR-3 the newest is, with what came about the same time', () => {
  const first = network('first', { component: 'a', placedAtMs: justNow - earlierMs - 1 })
  const second = network('second', { component: 'b', placedAtMs: justNow - earlierMs })
  const third = network('third', { component: 'c', placedAtMs: justNow })
  assert.deepEqual(suspects(first, second, third), ['fresh', 'second/b', 'third/c'])
})

test('DR-3 what nodes have died with before is suspected first', () => {
  const guilty = network('guilty', { component: 'boom', placedAtMs: justNow - 5_000, deaths: 1 })
  const beside = network('beside', { component: 'a', placedAtMs: justNow })
  assert.deepEqual(suspects(beside, guilty), ['fresh', 'guilty/boom'])
  // Not for what it has done elsewhere: it has worked here since long.
  const elsewhere = network('guilty', { component: 'boom', deaths: 1 })
  assert.deepEqual(suspects(beside, elsewhere), ['fresh', 'beside/a'])
})

test('DR-3 what a recovery made again where it was is not new', () => {
  const recovered = network(
    'net',
    { component: 'a', hasBegun: false, hereSince: 0 },
    { component: 'b', placedAtMs: justNow, hereSince: 0 },
    { component: 'c', placedAtMs: justNow },
  )
  assert.deepEqual(suspects({ ...recovered, lastOpen: asGeneration(3) }), ['fresh', 'net/c'])
  assert.deepEqual(suspects({ ...recovered, lastOpen: asGeneration(0) }), ['fresh', 'net/c'])
})

test('what has never begun is new, however long ago it was placed', () => {
  assert.deepEqual(suspects(network('slow', { component: 'a' }, { component: 'b', hasBegun: false })), [
    'fresh',
    'slow/b',
  ])
})

test('nobody suspects what has finished, ports of clients, or what was on another life of the node', () => {
  const none = network(
    'net',
    { component: 'a', finished: true, placedAtMs: justNow },
    { component: 'client-input:in', placedAtMs: justNow },
  )
  assert.deepEqual(suspects(none), [])
  const death = deathOf(
    [network('net', { component: 'a', placedAtMs: justNow })],
    { id: asNodeId('n1'), incarnation: 'another' },
    nowMs,
  )
  assert.deepEqual(death.suspects, [])
})
