import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventStream } from '../../../src/api/event-stream.ts'
import type { ApiCall, ApiMeans } from '../../../src/api/route.ts'
import { portRoutes } from '../../../src/api/routes/ports.ts'
import type { PortNews } from '../../../src/cluster/client/index.ts'

/** The ids of what a reader of an exported output gets over the API, at its end included. */
async function idsOf(...news: readonly PortNews[]): Promise<string[]> {
  const route = portRoutes.find(({ id }) => id === 'readMessages')
  assert.ok(route !== undefined && 'open' in route)
  const ports = {
    check: () => Promise.resolve(),
    async *read() {
      yield* news
      await Promise.resolve()
    },
  }
  const ids: string[] = []
  const stream = {
    signal: new AbortController().signal,
    send: ({ id, type }: { readonly id: string; readonly type: string }) => ids.push(`${type} ${id}`),
    sendMessages: (_: unknown, of: readonly string[]) => ids.push(...of),
  }
  const call = { params: { name: 'net', port: 'all' }, query: {} } as unknown as ApiCall
  const give = await route.open(call, { ports } as unknown as ApiMeans)
  await give(stream as unknown as EventStream)
  return ids
}

test('ids of events are positions where there are any, and count where there are none', async () => {
  assert.deepEqual(
    await idsOf(
      { type: 'reading', at: '1.41', missed: false },
      { type: 'messages', at: '1.42.6', texts: ['1', '2'] },
    ),
    ['reading 1.41', '1.42.6', '1.42.7', 'end 1.42.7'],
  )
  assert.deepEqual(
    await idsOf(
      { type: 'reading' },
      { type: 'messages', texts: ['1', '2'] },
      { type: 'reading' },
      { type: 'messages', texts: ['3'] },
    ),
    ['reading 0', '1', '2', 'reading 2', '3', 'end 3'],
  )
})

test('where a network gives nothing that is committed any more, ids count from 0 on', async () => {
  assert.deepEqual(
    await idsOf(
      { type: 'reading', at: '1.41', missed: false },
      { type: 'messages', at: '1.42.7', texts: ['1'] },
      { type: 'reading' },
      { type: 'messages', texts: ['2', '3'] },
      { type: 'reading', at: '2.1', missed: true },
      { type: 'messages', at: '2.2.1', texts: ['4'] },
    ),
    ['reading 1.41', '1.42.7', 'reading 0', '1', '2', 'reading 2.1', '2.2.1', 'end 2.2.1'],
  )
})
