import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import type { EtcdTls } from '../../../src/store/etcd/credentials.ts'
import { put } from '../../../src/store/operations.ts'
import type { Store } from '../../../src/store/store.ts'
import { Authority } from '../../support/certificates.ts'
import { errorCode } from '../../support/error-code.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { eventually, within } from '../../support/eventually.ts'
import { exitAtOnce } from '../../support/exit-at-once.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { ownTime } from '../../support/own-time.ts'
import { patienceMs } from '../../support/store/patient-store.ts'
import { bytes, closeAll, newPrefix, open, text } from './support.ts'

/** A line to etcd that speaks TLS, and is slow, half open, or breaks. */

exitAtOnce()
const provided = await provideEtcd('distribution')
const authority = await Authority.make('vertigo test')
const reason =
  'missing' in provided ? provided.missing : authority === undefined ? 'there is no openssl' : false

/** What a call may take beyond its time, where this process does not stand still. */
const spareMs = 2_000

describe('a bad line with TLS', { skip: reason }, () => {
  let cluster: EtcdCluster
  let tls: EtcdTls
  const proxies: FaultProxy[] = []
  before(async () => {
    assert.ok('path' in provided && authority !== undefined)
    const server = await authority.issue('server', 'IP:127.0.0.1')
    tls = { ca: authority.own.cert }
    const args = [`--cert-file=${server.certFile}`, `--key-file=${server.keyFile}`]
    cluster = await EtcdCluster.start({ path: provided.path, clientScheme: 'https', args })
  })
  after(async () => {
    await closeAll()
    for (const proxy of proxies) await proxy.close()
    await cluster?.stop()
    await authority?.remove()
  })

  async function startProxy(): Promise<FaultProxy> {
    const proxy = await FaultProxy.start(cluster.endpoints[0]!)
    proxies.push(proxy)
    return proxy
  }

  const through = (proxy: FaultProxy, prefix: string, timeoutMs = patienceMs): Promise<Store> =>
    open({ endpoints: [proxy.endpoint], prefix, tls, timeoutMs })

  /** It fails with this code, when `timeoutMs` are over. */
  async function fails(call: Promise<unknown>, code: string, timeoutMs: number): Promise<void> {
    const tookMs = await ownTime(async () =>
      assert.equal(await within(`it ends (${code})`, timeoutMs + 20_000, errorCode(call)), code),
    )
    assert.ok(tookMs < timeoutMs + spareMs, `it took ${tookMs} ms, not ${timeoutMs}`)
  }

  /** The same, over the line as it is, until it is answered. */
  const recovers = (store: Store): Promise<unknown> =>
    eventually('calls are answered again', () => store.get('a', { timeoutMs: 1_000 }))

  // What a client sends first is the beginning of a handshake; the server's certificates are its first thousand bytes.
  for (const passedBytes of [0, 100, 700])
    test(`a handshake that stands still after ${passedBytes} bytes: refused in time, and made anew`, async () => {
      const proxy = await startProxy()
      proxy.answerBytesMax = passedBytes
      await fails(through(proxy, newPrefix(), 1_000), 'STORE_UNREACHABLE', 1_000)
      proxy.answerBytesMax = Infinity
      const store = await through(proxy, newPrefix())
      await store.transact({ then: [put('a', bytes('1'))] })
      proxy.answerBytesMax = passedBytes
      // The connection that there is breaks; the next one stands still.
      proxy.cut()
      await fails(store.get('a', { timeoutMs: 700 }), 'STORE_UNREACHABLE', 700)
      const writing = store.transact({ then: [put('a', bytes('2'))] }, { timeoutMs: 700 })
      await fails(writing, 'STORE_UNREACHABLE', 700)
      proxy.answerBytesMax = Infinity
      await recovers(store)
      assert.equal(text((await store.get('a')).entry?.value), '1', 'what could not be sent is not there')
    })

  test('a line on which both ways trickle is slow, and nothing is written twice', async () => {
    const proxy = await startProxy()
    proxy.answerBytesPerS = 4_000
    proxy.requestBytesPerS = 4_000
    const store = await through(proxy, newPrefix())
    for (const repeat of ['once', 'harmless', 'never'] as const)
      await store.transact({ then: [put(repeat, bytes('x'.repeat(1_000)))] }, { repeat })
    assert.equal((await store.get('once')).entry?.version, 1)
    assert.equal((await store.get('never')).entry?.version, 1)
  })

  test('a line that is half open: what was sent is of unknown fate, and comes to one', async () => {
    const proxy = await startProxy()
    const prefix = newPrefix()
    const store = await through(proxy, prefix)
    const observer = await open({ endpoints: cluster.endpoints, prefix, tls })
    await store.transact({ then: [put('a', bytes('1'))] })
    proxy.holdAnswers()
    await fails(
      store.transact({ then: [put('n', bytes('1'))] }, { timeoutMs: 700 }),
      'STORE_OUTCOME_UNKNOWN',
      700,
    )
    await fails(store.get('a', { timeoutMs: 700 }), 'STORE_UNREACHABLE', 700)
    proxy.release()
    await recovers(store)
    assert.ok(((await observer.get('n')).entry?.version ?? 0) <= 1)
    proxy.holdAnswers()
    const once = store.transact({ then: [put('o', bytes('1'))] }, { repeat: 'once' })
    await eventually('it went through', async () => (await observer.get('o')).entry)
    proxy.cut()
    await once
    assert.equal((await observer.get('o')).entry?.version, 1)
  })

  test('a line that is reset over and over: each number is added once, and a watch hears each', async () => {
    const proxy = await startProxy()
    const prefix = newPrefix()
    const store = await through(proxy, prefix)
    const observer = await open({ endpoints: cluster.endpoints, prefix, tls })
    const heard: (string | undefined)[] = []
    const watch = store.watch('n')
    const following = (async () => {
      for await (const { events } of watch) for (const { entry } of events) heard.push(text(entry?.value))
    })()
    const isOver = new AbortController()
    const seen = { resets: 0 }
    const resetting = (async () => {
      while (!isOver.signal.aborted) {
        // More than a handshake: something always gets done between two resets, and often not all that was begun.
        const until = proxy.answeredBytes + 4_000
        await eventually('enough has passed', () => isOver.signal.aborted || proxy.answeredBytes > until)
        if (seen.resets++ % 2 === 0) proxy.cut()
        else proxy.cutClients()
      }
    })()
    const numbers: string[] = []
    try {
      // As many as it takes: how much passes for each of them is the client's business.
      while (numbers.length < 100 || seen.resets < 10) {
        assert.ok(numbers.length < 5_000, `there were only ${seen.resets} resets`)
        numbers.push(String(numbers.length + 1))
        const number = put('n', bytes(numbers.at(-1)!))
        await store.transact({ then: [number] }, { repeat: 'once' })
      }
    } finally {
      isOver.abort()
      await resetting
    }
    assert.equal((await observer.get('n')).entry?.version, numbers.length)
    await eventually('the watch hears the last one', () => heard.at(-1) === numbers.at(-1))
    assert.deepEqual(heard, numbers)
    watch.close()
    await following
  })
})
