import { asNodeId, type NodeRecord } from '../../../src/cluster/protocol/index.ts'

/** What a node of this id says of itself. */
export function nodeNamed(id: string, more: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id: asNodeId(id),
    incarnation: 'i',
    pid: 1,
    processStart: '',
    machine: 'm',
    version: '0',
    protocol: { min: 1, max: 1 },
    control: { host: id, port: 1 },
    groups: [],
    labels: {},
    workers: 1,
    joinedAtMs: 0,
    ...more,
  }
}
