import { describe, it } from 'node:test'
import { seededRandom } from '../../../src/base/random.ts'
import { assertLinearizable, randomCall, record } from '../../support/histories.ts'
import type { RecordedOperation } from '../../support/linearizability.ts'
import type { Use } from './subjects.ts'

/** ST-1: histories of concurrent clients are linearizable, key by key. */
export function historyTests(use: Use, operations: number): void {
  describe('histories of concurrent clients', () => {
    it('are linearizable', () =>
      use(async (store, fixture) => {
        const clients = [store, await fixture.open(), await fixture.open(), await fixture.open()]
        const keys = ['x', 'y', 'z']
        const histories = new Map(keys.map((key): [string, RecordedOperation[]] => [key, []]))
        const random = seededRandom(2026)
        const each = Math.ceil(operations / clients.length)
        await Promise.all(
          clients.map(async (client, name) => {
            for (let i = 0; i < each; i++) {
              const key = keys[random.int(keys.length)]!
              histories.get(key)!.push(await record(client, key, randomCall(random, `${name}.${i}`)))
            }
          }),
        )
        for (const [key, history] of histories) assertLinearizable(key, history)
      }))
  })
}
