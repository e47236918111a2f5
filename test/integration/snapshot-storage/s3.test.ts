import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { provideS3 } from '../../../scripts/servers/s3.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { loadSdk, openS3Backend } from '../../../src/snapshot/storage/s3/open.ts'
import { partBytes } from '../../../src/snapshot/storage/s3/s3-backend.ts'
import type { SnapshotStorage } from '../../../src/snapshot/storage/storage.ts'
import { errorCode } from '../../support/error-code.ts'
import { S3Server } from '../../support/s3-server.ts'

const provided = await provideS3()
const skip = 'missing' in provided ? provided.missing : false
const credentials = { accessKeyId: 'user', secretAccessKey: 'secret-of-user' }

async function startServer(t: TestContext): Promise<S3Server> {
  if (!('path' in provided)) throw new Error(provided.missing)
  const server = await S3Server.start(provided.path)
  t.after(() => server.stop())
  return server
}

async function openStorage(t: TestContext, { endpoint }: S3Server): Promise<SnapshotStorage> {
  const backend = await openS3Backend({ endpoint, bucket: S3Server.bucket, credentials })
  const storage = storageOver(backend, systemClock)
  t.after(() => storage.close())
  return storage
}

test(
  'a server that was killed is told by name; what was put before is there when it is back',
  { skip },
  async (t) => {
    const server = await startServer(t)
    const storage = await openStorage(t, server)
    await storage.put('a', Buffer.from('kept'))
    const large = Buffer.alloc(partBytes * 2, 3)
    await storage.put('large', large)
    await server.kill()
    assert.equal(await errorCode(storage.put('b', Buffer.from('x'))), 'SNAPSHOT_STORAGE_UNREACHABLE')
    assert.equal(await errorCode(storage.page('')), 'SNAPSHOT_STORAGE_UNREACHABLE')
    await server.run()
    const pieces: Uint8Array[] = []
    for await (const piece of storage.get('large')) pieces.push(piece)
    assert.ok(Buffer.concat(pieces).equals(large))
    assert.deepEqual((await storage.page('')).names, ['a', 'large'])
  },
)

test(
  'an upload that is broken off by the end of the server ends by name, and is never seen',
  { skip },
  async (t) => {
    const server = await startServer(t)
    const storage = await openStorage(t, server)
    const killing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(partBytes)
      yield Buffer.alloc(partBytes)
      await server.kill()
      yield Buffer.alloc(partBytes)
    }
    assert.equal(await errorCode(storage.put('large', killing())), 'SNAPSHOT_STORAGE_UNREACHABLE')
    await server.run()
    assert.deepEqual((await storage.page('')).names, [])
  },
)

test(
  'a bucket that does not exist, and a server that is not there, are told on opening',
  { skip },
  async (t) => {
    const { endpoint } = await startServer(t)
    assert.equal(
      await errorCode(openS3Backend({ endpoint, bucket: 'nobody-made-it', credentials })),
      'SNAPSHOT_STORAGE_NOT_FOUND',
    )
    const nowhere = { endpoint: 'http://127.0.0.1:9', bucket: S3Server.bucket, credentials }
    assert.equal(await errorCode(openS3Backend(nowhere)), 'SNAPSHOT_STORAGE_UNREACHABLE')
  },
)

test('a missing SDK is told by the name of its package', async () => {
  const missing = loadSdk(() =>
    Promise.reject(Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })),
  )
  await assert.rejects(missing, (error) => {
    assert.ok(isVertigoError(error))
    assert.equal(error.code, 'PACKAGE_NOT_FOUND')
    assert.match(error.message, /@aws-sdk\/client-s3/)
    assert.match(error.remedy, /npm install @aws-sdk\/client-s3/)
    return true
  })
})
