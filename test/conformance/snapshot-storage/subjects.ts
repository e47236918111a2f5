import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { provideS3 } from '../../../scripts/servers/s3.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { FolderStorageBackend } from '../../../src/snapshot/storage/folder/folder-backend.ts'
import { MemoryStorageBackend } from '../../../src/snapshot/storage/memory/memory-backend.ts'
import { openS3Backend } from '../../../src/snapshot/storage/s3/open.ts'
import type { SnapshotStorage, StorageBackend } from '../../../src/snapshot/storage/storage.ts'
import { S3Server } from '../../support/s3-server.ts'

export interface StorageFixture {
  readonly storage: SnapshotStorage
  /** Another one over the same place. */
  readonly open: () => Promise<SnapshotStorage>
  /** An object as it is stored, checksums and all. */
  readonly stored: (name: string) => Promise<Buffer>
  /** Puts bytes in the place of an object, as they are. */
  readonly damage: (name: string, bytes: Uint8Array) => Promise<void>
  close(): Promise<void>
}

export interface StorageSubject {
  readonly name: string
  /** Why it cannot be had here. */
  readonly missing?: string | undefined
  make(): Promise<StorageFixture>
}

/** `openBackend`: each time over the same place. */
async function fixture(
  openBackend: () => Promise<StorageBackend>,
  close: () => Promise<void> | void,
): Promise<StorageFixture> {
  const raw = await openBackend()
  const opened: SnapshotStorage[] = []
  const open = async (): Promise<SnapshotStorage> => {
    const storage = storageOver(await openBackend(), systemClock)
    opened.push(storage)
    return storage
  }
  const { signal } = new AbortController()
  return {
    storage: await open(),
    open,
    async stored(name) {
      const pieces: Uint8Array[] = []
      for await (const piece of raw.read(name, signal)) pieces.push(piece)
      return Buffer.concat(pieces)
    },
    async damage(name, bytes) {
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        yield bytes
      }
      await raw.write(name, pieces(), { ifAbsent: false, signal })
    },
    async close() {
      await Promise.all(opened.map((storage) => storage.close()))
      await raw.close()
      await close()
    },
  }
}

const memory: StorageSubject = {
  name: 'memory',
  async make() {
    const backend = new MemoryStorageBackend()
    return fixture(
      async () => backend,
      () => undefined,
    )
  },
}

const folder: StorageSubject = {
  name: 'folder',
  async make() {
    const parent = mkdtempSync(join(tmpdir(), 'vertigo-storage-'))
    const options = { folder: join(parent, 'snapshots'), clock: systemClock, random: systemRandom }
    return fixture(
      () => FolderStorageBackend.open(options),
      () => rmSync(parent, { recursive: true, force: true }),
    )
  },
}

/** All tests share one server: each has a prefix of its own. Another one can be named: VERTIGO_TEST_S3=<endpoint>/<bucket>. */
async function s3(): Promise<StorageSubject> {
  const given = process.env['VERTIGO_TEST_S3']
  const provided = given === undefined ? await provideS3() : { path: '' }
  let server: Promise<S3Server> | undefined
  let prefixes = 0
  after(async () => (await server)?.stop())
  const place = async (): Promise<{ readonly endpoint: string; readonly bucket: string }> => {
    if (given !== undefined)
      return { endpoint: new URL(given).origin, bucket: new URL(given).pathname.slice(1) }
    if (!('path' in provided)) throw new Error(provided.missing)
    server ??= S3Server.start(provided.path)
    return { endpoint: (await server).endpoint, bucket: S3Server.bucket }
  }
  return {
    name: `s3 (${given ?? 'gofakes3'})`,
    missing: 'missing' in provided ? provided.missing : undefined,
    async make() {
      const prefix = `test-${process.pid}-${++prefixes}`
      const credentials = { accessKeyId: 'user', secretAccessKey: 'secret-of-user' }
      const options = { ...(await place()), prefix, credentials }
      return fixture(
        () => openS3Backend(options),
        () => undefined,
      )
    },
  }
}

export const subjects: readonly StorageSubject[] = [memory, folder, await s3()]
