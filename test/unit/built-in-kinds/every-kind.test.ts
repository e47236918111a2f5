import assert from 'node:assert/strict'
import test from 'node:test'
import { builtInKind, writtenNames } from '../../../src/built-in-kinds.ts'
import { operators } from './operators.ts'
import { sinks } from './sinks.ts'
import { sources } from './sources.ts'

/**
 * Every built-in kind on the test kit: what it does, what it does where there is no room, and how it fails. A new kind
 * gets an entry in one of the tables, or this fails. Those behind exported ports, which nobody writes, have tests of their own.
 */
const tested = { ...operators, ...sinks, ...sources }

/** Kinds that need a server, or a store: with a real one, in `test/conformance/{sinks,sources}` and `test/integration/connectors`. */
const testedWithServers = [
  'collection-sink',
  'http-intake',
  'http-sink',
  'kafka-sink',
  'kafka-source',
  'nats-source',
  'postgres-sink',
  'postgres-source',
]

test('every built-in kind is here', () => {
  assert.deepEqual([...Object.keys(tested), ...testedWithServers].toSorted(), [...writtenNames].toSorted())
})

for (const [name, { behaves, waits, fails }] of Object.entries(tested)) {
  test(`${name}: does what it is for`, async (t) => behaves(t, (await builtInKind(name))!))
  test(`${name}: waits where there is no room`, async (t) => waits(t, (await builtInKind(name))!))
  test(`${name}: fails by name`, async (t) => fails(t, (await builtInKind(name))!))
}
