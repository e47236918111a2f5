import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { machineClock } from '../../../src/base/clock.ts'
import { BundleStore } from '../../../src/cluster/bundle/index.ts'
import { ClusterKeys } from '../../../src/cluster/protocol/index.ts'
import { openStore } from '../../../src/stores.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually } from '../../support/eventually.ts'
import { subjects } from './subjects.ts'
import { largeBundle, type UploadOrder } from './uploads.ts'

const script = fileURLToPath(new URL('upload-process.ts', import.meta.url))
const cluster = 'uploads'
/** Parts that are there when the process is killed. */
const killedAt = [1, 4, 9]

/** Whoever uploads a bundle may be killed between any two of its parts. */
for (const { name, skip, open } of subjects)
  describe(`who uploads a bundle is killed, over ${name}`, { skip }, () => {
    test('it is not there until it is whole, and whoever uploads it again completes it', async (t) => {
      const subject = await open()
      t.after(() => subject.close())
      const store = await openStore(subject.url, machineClock)
      t.after(() => store.close())
      const keys = new ClusterKeys(cluster)
      const bundles = new BundleStore(store, keys, machineClock)
      for (const parts of killedAt) {
        const { hash, files } = largeBundle(parts)
        const isThere = async (): Promise<boolean> =>
          (await store.get(keys.bundlePart(hash, parts - 1))).entry !== undefined
        const order: UploadOrder = { storeUrl: subject.url, cluster, number: parts }
        const child = fork(script, [JSON.stringify(order)], { execArgv: ['--conditions=vertigo-src'] })
        const ended = once(child, 'exit')
        try {
          await eventually(`${parts} parts are there`, isThere, 60_000)
        } finally {
          child.kill('SIGKILL')
          await ended
        }
        assert.equal(await errorCode(bundles.get(hash)), 'BUNDLE_MISSING')
        await bundles.put(largeBundle(parts))
        const found = await bundles.get(hash)
        assert.ok(Buffer.from(files.get('index.js')!).equals(found.files.get('index.js')!))
      }
    })
  })
