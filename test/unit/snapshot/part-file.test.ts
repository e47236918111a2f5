import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { openPartFiles } from '../../../src/snapshot/part-file.ts'
import { encodeState } from '../../../src/snapshot/state-file.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../src/snapshot/storage/memory/memory-backend.ts'
import { errorCode } from '../../support/error-code.ts'

const of = { network: 'net', incarnation: 1, generation: 1, component: 'count', instance: 0 } as const

async function stored() {
  const storage = storageOver(new MemoryStorageBackend(), systemClock)
  const files = []
  for (const [at, kind] of (['full', 'increment', 'increment'] as const).entries()) {
    const name = `net/000000000001/${String(at + 1).padStart(12, '0')}/count-0.1-${at}.${kind}`
    files.push({ name, kind, ...(await storage.put(name, encodeState({ ...of, kind }, []))), until: 1 })
  }
  let open = 0
  const counting = Object.assign(Object.create(storage) as typeof storage, {
    async *get(...call: Parameters<typeof storage.get>) {
      open++
      try {
        yield* storage.get(...call)
      } finally {
        open--
      }
    },
  })
  return { storage, counting, files, open: () => open }
}

test('files of a part are opened in their order', async () => {
  const { counting, files, open } = await stored()
  const opened = await openPartFiles({ ...of, files }, of, counting)
  assert.deepEqual(
    opened.map(({ head }) => head.kind),
    ['full', 'increment', 'increment'],
  )
  assert.equal(open(), 3)
  await Promise.all(opened.map((file) => file.close()))
  assert.equal(open(), 0)
})

test('where one cannot be opened, the others are closed', async () => {
  const { storage, counting, files, open } = await stored()
  await storage.delete([files[1]!.name])
  assert.equal(await errorCode(openPartFiles({ ...of, files }, of, counting)), 'SNAPSHOT_FILE_MISSING')
  assert.equal(open(), 0)
})
