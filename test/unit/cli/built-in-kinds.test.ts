import assert from 'node:assert/strict'
import test from 'node:test'
import { builtInKind, builtInNames, writtenNames } from '../../../src/built-in-kinds.ts'
import * as forCommand from '../../../src/cli/run/built-in-kinds.ts'
import { connectorKinds } from '../../../src/connectors/index.ts'
import { operatorKinds } from '../../../src/operators/index.ts'

test('the built-in kinds are those of the registries', async () => {
  const registered = { ...connectorKinds, ...operatorKinds }
  assert.deepEqual([...writtenNames].toSorted(), Object.keys(registered).toSorted())
  for (const [name, kind] of Object.entries(registered)) {
    assert.equal(await builtInKind(name), kind, name)
    assert.equal(kind.builtIn, name)
  }
})

test('kinds that nobody writes stand behind exported ports, and have their names', async () => {
  const unwritten = builtInNames.filter((name) => !writtenNames.includes(name))
  assert.deepEqual(unwritten.toSorted(), ['client-input', 'client-output'])
  for (const name of unwritten) assert.equal((await builtInKind(name))?.builtIn, name)
})

test('other names are no built-in kinds', async () => {
  for (const name of ['generatr', 'toString', '__proto__', ''])
    assert.equal(await builtInKind(name), undefined)
})

test('the command has the same kinds, but no code to exchange messages with', async () => {
  assert.equal(forCommand.builtInNames, builtInNames)
  const bridge = await forCommand.createBridge()
  assert.throws(() => bridge.input('orders'), { code: 'BRIDGE_MISSING', place: { component: 'orders' } })
  assert.throws(() => bridge.output('results'), { code: 'BRIDGE_MISSING' })
  bridge.close(undefined)
})
