import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Belonging, misfit, replaced } from '../../../../src/cluster/agent/admission.ts'
import { asNodeId } from '../../../../src/cluster/protocol/index.ts'

const machine = 'f3c1a9d2-7b64-4c0e-9a51-2f8e6d4b1c07 pid:[4026531836]'
const otherMachine = '0e9d8c7b-6a5f-4e3d-8c2b-1a0f9e8d7c6b pid:[4026531836]'
const otherContainer = 'f3c1a9d2-7b64-4c0e-9a51-2f8e6d4b1c07 pid:[4026532207]'

const own: Belonging = {
  id: asNodeId('a'),
  version: '0.1.0',
  protocol: { min: 2, max: 3 },
  authorities: [],
  machine,
  control: { host: '127.0.0.1', port: 7400 },
}

function verdict(mine: Partial<Belonging>, theirs: Partial<Belonging>): string {
  const error = misfit('c', { ...own, ...mine }, { ...own, id: asNodeId('b'), ...theirs })
  return error === undefined ? 'fits' : `${error.code}: ${error.message} ${error.remedy}`
}

test('AD-1 nodes of one cluster speak one version of the protocol', () => {
  assert.equal(verdict({}, { protocol: { min: 3, max: 9 } }), 'fits')
  assert.match(verdict({}, { protocol: { min: 4, max: 9 } }), /^LINK_VERSION_UNFIT: .*"b" .*4 to 9.*2 to 3/)
  assert.match(verdict({}, { protocol: { min: 1, max: 1 } }), /^LINK_VERSION_UNFIT/)
})

test('AD-1 nodes of one cluster trust an authority in common, or none of them any', () => {
  assert.equal(verdict({ authorities: ['x'] }, { authorities: ['x'] }), 'fits')
  // While an authority is replaced, nodes trust both.
  assert.equal(verdict({ authorities: ['x', 'y'] }, { authorities: ['y', 'z'] }), 'fits')
  assert.equal(verdict({ authorities: ['x'] }, { authorities: undefined }), 'fits')
  assert.match(
    verdict({ authorities: ['x'] }, { authorities: ['y'] }),
    /^CLUSTER_FOREIGN: .*cluster "c" .*"b", whose certificates are of another authority.*--cluster <name>/,
  )
  assert.match(verdict({ authorities: ['x'] }, {}), /^CLUSTER_FOREIGN: .*no TLS.*--tls-ca/)
  assert.match(verdict({}, { authorities: ['y'] }), /^CLUSTER_FOREIGN: .*wants TLS.*--tls-ca/)
})

test('AD-1 nodes of one cluster reach each other: none of two machines is on loopback', () => {
  const wide = { control: { host: '10.0.0.7', port: 7400 } }
  assert.equal(verdict({}, { machine: otherContainer }), 'fits')
  assert.equal(verdict(wide, { ...wide, machine: otherMachine }), 'fits')
  assert.match(
    verdict({}, { ...wide, machine: otherMachine }),
    /^CLUSTER_FOREIGN: .*this one listens on 127\.0\.0\.1:7400.*--listen <host>/,
  )
  assert.match(
    verdict(wide, { machine: otherMachine }),
    /^CLUSTER_FOREIGN: .*that listens on 127\.0\.0\.1:7400/,
  )
  // A system that does not tell which machine it is.
  assert.equal(verdict({ machine: 'host 12' }, { machine: 'host 13' }), 'fits')
})

test('AD-2 a node knows its cluster again', () => {
  const record = { format: 1, name: 'c', incarnation: 'first', createdAtMs: 1 }
  assert.equal(replaced('c', 'first', record), undefined)
  assert.match(replaced('c', 'first', { ...record, incarnation: 'second' })!.message, /another one now/)
  const gone = replaced('c', 'first', undefined)!
  assert.equal(gone.code, 'CLUSTER_REPLACED')
  assert.match(gone.message, /not in the store any more/)
})
