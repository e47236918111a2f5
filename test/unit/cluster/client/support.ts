import assert from 'node:assert/strict'
import { systemClock } from '../../../../src/base/clock.ts'
import type { ErrorCode } from '../../../../src/base/error-codes.ts'
import { isVertigoError } from '../../../../src/base/errors.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { type Deployment, Management } from '../../../../src/cluster/client/index.ts'
import { ClusterKeys, type KindFacts } from '../../../../src/cluster/protocol/index.ts'
import type { FlatNetwork } from '../../../../src/model/flatten.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import type { Store } from '../../../../src/store/store.ts'

export async function rejectsWithCode(
  promise: Promise<unknown>,
  code: ErrorCode,
  text: RegExp,
): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isVertigoError(error), `not an error of ours: ${String(error)}`)
    assert.equal(error.code, code)
    assert.match(error.message, text)
    return true
  })
}

/** Over a store of its own. */
export function management(): {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly client: Management
} {
  const backend = new MemoryBackend({ clock: systemClock })
  const store = storeOver(backend, systemClock)
  const keys = new ClusterKeys('c')
  return { store, keys, client: new Management(store, keys, { clock: systemClock, random: systemRandom }) }
}

export const source: KindFacts = facts('source', [], ['out'])
export const sink: KindFacts = facts('component', ['in'], [])

export function facts(role: 'source' | 'component', inputs: string[], outputs: string[]): KindFacts {
  return { role, inputs, outputs, keyedState: false, instanceState: false, rewinds: false, inMain: false }
}

/** A source, and sinks of these names at it. */
export function network(sinks: readonly string[], extra: Partial<FlatNetwork> = {}): Deployment {
  const base = 'file:///net.yaml'
  const components = Object.fromEntries([
    ['numbers', { kind: 'generator', base }],
    ...sinks.map((name) => [name, { kind: 'log', base }] as const),
  ])
  return {
    part: {
      name: 'net',
      components,
      connections: sinks.map((name) => ({ from: 'numbers.out', to: `${name}.in`, base })),
      ...extra,
    },
    kinds: Object.fromEntries([['numbers', source], ...sinks.map((name) => [name, sink] as const)]),
  }
}
