import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { checkSnapshotAddress, openSnapshotStorage } from '../../../src/stores.ts'
import { errorCode } from '../../support/error-code.ts'

/** What is asked of object storage by its address, and what its answers mean: of a server that is played. */

interface Asked {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly authorization: string
}

class PlayedServer {
  readonly asked: Asked[] = []
  status = 200
  endpoint = ''

  static async start(t: TestContext): Promise<PlayedServer> {
    const played = new PlayedServer()
    const server = createServer((request, response) => {
      request.resume()
      played.asked.push(askedOf(request))
      response.writeHead(played.status).end()
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    played.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return played
  }
}

function askedOf({ method, url, headers }: IncomingMessage): Asked {
  return { method, path: url?.split('?')[0], authorization: headers.authorization ?? '' }
}

/** As the address does not say who asks. */
function useCredentials(t: TestContext): void {
  const own = { AWS_ACCESS_KEY_ID: 'user', AWS_SECRET_ACCESS_KEY: 'secret-of-user' }
  const before = Object.keys(own).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, own)
  t.after(() => {
    for (const [name, value] of before)
      if (value === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = value
  })
}

test('the address of object storage says the bucket, the prefix, the server and the region', async (t) => {
  useCredentials(t)
  const server = await PlayedServer.start(t)
  const query = `endpoint=${encodeURIComponent(server.endpoint)}&region=eu-central-9`
  for (const [place, prefix, about] of [
    ['bucket', '', 's3://bucket/'],
    ['bucket/', '', 's3://bucket/'],
    ['bucket/one/two/', 'one/two/', 's3://bucket/one/two'],
    ['my.bucket//one', 'one/', 's3://my.bucket/one'],
  ] as const) {
    server.asked.length = 0
    const storage = await openSnapshotStorage(`s3://${place}?${query}`, systemClock)
    t.after(() => storage.close())
    assert.equal(storage.about, about)
    assert.equal(storage.place, 'shared')
    await storage.put('net/1/a', Buffer.from('x'))
    const [opened, put] = server.asked
    const [bucket] = place.split('/')
    assert.deepEqual([opened!.method, opened!.path!.replace(/\/$/, '')], ['HEAD', `/${bucket}`])
    assert.deepEqual([put!.method, put!.path], ['PUT', `/${bucket}/${prefix}net/1/a`])
    for (const { authorization } of server.asked)
      assert.match(authorization, /Credential=user\/\d+\/eu-central-9\/s3\//)
  }
})

test('an address that is none is refused before anything is asked', async () => {
  for (const address of [
    '',
    'bucket',
    's3:',
    's3://',
    's3:///prefix',
    'http://host/bucket',
    'file:',
    'file://host/folder',
    'file:///',
  ])
    assert.equal(
      await errorCode(openSnapshotStorage(address, systemClock)),
      'SNAPSHOT_STORAGE_URL_INVALID',
      address,
    )
  assert.equal(checkSnapshotAddress('s3://bucket').hostname, 'bucket')
})

test('SNAPSHOT_STORAGE_REFUSED: storage that does not know who asks, or allows him nothing, is told by name', async (t) => {
  useCredentials(t)
  const server = await PlayedServer.start(t)
  const address = `s3://bucket?endpoint=${encodeURIComponent(server.endpoint)}`
  for (const status of [401, 403]) {
    server.status = status
    await assert.rejects(openSnapshotStorage(address, systemClock), (error) => {
      const { code, message, retryable } = error as { code: string; message: string; retryable: boolean }
      assert.deepEqual([code, retryable], ['SNAPSHOT_STORAGE_REFUSED', false])
      assert.match(message, /^s3:\/\/bucket\/ refuses who asks/)
      return true
    })
  }
  // What it allows may change while it is open.
  server.status = 200
  const storage = await openSnapshotStorage(address, systemClock)
  t.after(() => storage.close())
  server.status = 403
  assert.equal(await errorCode(storage.put('a', Buffer.from('x'))), 'SNAPSHOT_STORAGE_REFUSED')
  assert.equal(await errorCode(storage.page('')), 'SNAPSHOT_STORAGE_REFUSED')
  assert.equal(await errorCode(storage.delete(['a'])), 'SNAPSHOT_STORAGE_REFUSED')
  server.status = 200
  await storage.put('a', Buffer.from('x'))
})
