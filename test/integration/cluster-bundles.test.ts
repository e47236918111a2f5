import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import { builtInKindsUrl } from '../../src/cli/run/built-in-kinds.ts'
import { BundleStore } from '../../src/cluster/bundle/index.ts'
import { parseBundleAddress } from '../../src/cluster/bundle/address.ts'
import { Management } from '../../src/cluster/client/index.ts'
import { ClusterNode } from '../../src/cluster/node/node.ts'
import { asVersion, ClusterKeys, planRecord } from '../../src/cluster/protocol/index.ts'
import type { LogRecord } from '../../src/component/context.ts'
import { put, removeRange } from '../../src/store/operations.ts'
import type { Store } from '../../src/store/store.ts'
import { openStore } from '../../src/stores.ts'
import { eventually } from '../support/eventually.ts'
import { bundled, colours, project, write } from '../unit/cluster/bundle/support.ts'

/** A node with real threads in this process, over a store in a folder. */
class Place {
  readonly logged: LogRecord[] = []
  readonly told: string[] = []
  readonly store: Store
  readonly keys = new ClusterKeys('c')
  readonly management: Management
  readonly bundles: BundleStore
  readonly cache: string
  private readonly url: string
  private node: ClusterNode | undefined

  private constructor(store: Store, url: string, cache: string) {
    this.store = store
    this.url = url
    this.cache = cache
    this.management = new Management(store, this.keys, { clock: systemClock, random: systemRandom })
    this.bundles = new BundleStore(store, this.keys, systemClock)
  }

  static async make(t: TestContext): Promise<Place> {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-bundles-'))
    const url = `lmdb:${join(folder, 'store')}`
    const place = new Place(await openStore(url, systemClock), url, join(folder, 'cache'))
    t.after(async () => {
      await place.stop()
      await place.store.close()
      rmSync(folder, { recursive: true, force: true })
    })
    return place
  }

  async start(): Promise<void> {
    const nothing = (): void => undefined
    this.node = await ClusterNode.start({
      cluster: 'c',
      id: 'a' as never,
      storeUrl: this.url,
      openStore,
      workers: 1,
      ttlMs: 30_000,
      version: '0',
      builtInKinds: builtInKindsUrl,
      stores: new URL('../../src/stores.ts', import.meta.url).href,
      cache: this.cache,
      events: {
        apiElsewhere: nothing,
        draining: nothing,
        drained: nothing,
        joined: nothing,
        fenced: nothing,
        gaveUp: nothing,
        elected: nothing,
        deposed: nothing,
        decided: nothing,
        declaredDead: nothing,
        failed: (_, what, error) => this.told.push(what, String(error), error.stack ?? ''),
        rejected: nothing,
        troubled: nothing,
        logged: (_, record) => this.logged.push(record),
      },
    })
  }

  async stop(): Promise<void> {
    await this.node?.close()
    this.node = undefined
  }

  /** The version. */
  async deploy(file: string): Promise<number> {
    const { deployment, bundles } = await bundled(file)
    for (const bundle of bundles) await this.bundles.put(bundle)
    return this.management.deploy(deployment, { by: 'test' })
  }

  async running(version: number): Promise<void> {
    await eventually(`version ${version} runs`, async () => {
      const status = await this.management.status('net')
      return status.state === 'running' && status.version === version
    })
  }

  /** What a text was logged with. */
  async says(text: string): Promise<void> {
    await eventually(`"${text}" is logged`, () => this.logged.some(({ message }) => message.includes(text)))
  }

  async address(component: string): Promise<string> {
    const { version } = await this.management.status('net')
    const { flat } = await this.management.version('net', asVersion(version))
    return flat.components[component]!.kind
  }

  /** Where the code of a component lies in the cache. */
  async cached(component: string): Promise<string> {
    const { hash, path } = parseBundleAddress(await this.address(component))!
    const [place] = readdirSync(this.cache)
    return join(this.cache, place!, hash, path)
  }

  /** The ids of the lives of a component's instances. */
  async lives(component: string): Promise<readonly number[]> {
    const { entry } = await this.store.get(this.keys.network('net').plan)
    const { instances } = planRecord.decode(entry!)
    return instances.filter((one) => one.component === component && !one.draining).map(({ id }) => id)
  }
}

const files = (say: string) => ({
  ...colours,
  'say.ts': `
import { defineComponent, port } from 'vertigo-flow'
enum Words { First = '${say}' }
export default defineComponent({
  inputs: { in: port<string>() },
  setup({ log }) {
    return { on: { in: (text) => log.info(Words.First + ' ' + text) } }
  },
})`,
  // What a change does not concern stays where it is.
  'net.yaml': `
name: net
guarantee: at-most-once
components:
  numbers: { kind: generator, config: { rate: 50 } }
  paint: { kind: ./paint.tsx }
  say: { kind: ./say.ts }
connections:
  - { from: numbers.out, to: paint.in }
  - { from: paint.out, to: say.in }
`,
})

test('code in TypeScript runs from a bundle when its folder is gone, and changes one component at a time', async (t) => {
  const place = await Place.make(t)
  const folder = project(t, files('it says'))
  const version = await place.deploy(join(folder, 'net.yaml'))
  rmSync(folder, { recursive: true })
  await place.start()
  await place.running(version)
  await place.says('it says <B:RED0>!/<B:RED0>!')

  // Deployed again with one component changed, from elsewhere: the other goes on as it is.
  const other = project(t, files('now it says'))
  const before = [await place.address('paint'), await place.lives('paint')]
  const [said, life] = [await place.address('say'), await place.lives('say')]
  const next = await place.deploy(join(other, 'net.yaml'))
  await place.running(next)
  await place.says('now it says')
  assert.deepEqual([await place.address('paint'), await place.lives('paint')], before)
  assert.notEqual(await place.address('say'), said)
  assert.notDeepEqual(await place.lives('say'), life)
})

test('what is damaged in the cache is fetched again when a node starts', async (t) => {
  const place = await Place.make(t)
  const folder = project(t, files('it says'))
  const version = await place.deploy(join(folder, 'net.yaml'))
  await place.start()
  await place.running(version)
  await place.stop()
  const file = await place.cached('say')
  const text = readFileSync(file, 'utf8')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  writeFileSync(file, text.replace('it says', 'it lies'))
  place.logged.length = 0
  await place.start()
  await place.says('it says')
  assert.equal(readFileSync(file, 'utf8'), text)
  assert.ok(!place.logged.some(({ message }) => message.includes('it lies')))
})

test('a change whose bundle is damaged or missing in the store is refused, and what ran runs on', async (t) => {
  const place = await Place.make(t)
  const folder = project(t, files('it says'))
  const version = await place.deploy(join(folder, 'net.yaml'))
  await place.start()
  await place.running(version)
  const lives = await place.lives('say')

  const deployDamaged = async (say: string, damage: (hash: string) => Promise<void>) => {
    write(folder, files(say))
    const { deployment, bundles } = await bundled(join(folder, 'net.yaml'))
    for (const bundle of bundles) await place.bundles.put(bundle)
    await damage(parseBundleAddress(deployment.part.components['say']!.kind)!.hash)
    const wanted = await place.management.deploy(deployment, { by: 'test' })
    return eventually(`version ${wanted} is refused`, async () => {
      const { refused } = await place.management.status('net')
      return refused?.version === wanted ? refused.error : undefined
    })
  }
  const damaged = await deployDamaged('a lie', async (hash) => {
    const key = place.keys.bundlePart(hash, 0)
    const { entry } = await place.store.get(key)
    const changed = Uint8Array.from(entry!.value)
    changed[10]! ^= 1
    await place.store.transact({ then: [put(key, changed)] })
  })
  assert.equal(damaged.code, 'BUNDLE_DAMAGED')
  assert.equal(damaged.component, 'say[0]')
  assert.match(damaged.remedy ?? '', /Deploy the network again/)
  const missing = await deployDamaged('nothing', async (hash) => {
    await place.store.transact({ then: [removeRange(place.keys.bundleFiles(hash))] })
  })
  assert.equal(missing.code, 'BUNDLE_MISSING')
  await eventually('what ran before is planned again, as it was', async () => {
    return (await place.lives('say')).join() === lives.join()
  })
  place.logged.length = 0
  await place.says('it says')

  // The remedy holds: it is put in order by deploying again.
  write(folder, files('a lie'))
  await place.running(await place.deploy(join(folder, 'net.yaml')))
  await place.says('a lie')
})

test('a secret is read on the node, and stands neither in the store nor in what is told of it', async (t) => {
  const secret = 'open sesame, please'
  process.env['VERTIGO_TEST_SECRET'] = secret
  t.after(() => delete process.env['VERTIGO_TEST_SECRET'])
  const place = await Place.make(t)
  const folder = project(t, {
    'ask.ts': `
import { defineComponent, port } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  setup({ config, log }) {
    const { password, fails } = config as { password: string; fails: boolean }
    if (fails) throw new Error('turned away with ' + password)
    return { on: { in: () => log.info('asked with ' + password, { length: password.length }) } }
  },
})`,
    'net.yaml': network(false),
  })
  await place.start()
  await place.running(await place.deploy(join(folder, 'net.yaml')))
  await place.says('asked with pw=${env:VERTIGO_TEST_SECRET}')
  assert.equal(place.logged[0]!.details!['length'], `pw=${secret}`.length)

  const refusedBy = async (text: string) => {
    write(folder, { 'net.yaml': text })
    const wanted = await place.deploy(join(folder, 'net.yaml'))
    return eventually(`version ${wanted} is refused`, async () => {
      const { refused } = await place.management.status('net')
      return refused?.version === wanted ? refused.error : undefined
    })
  }
  const turnedAway = await refusedBy(network(true))
  assert.match(turnedAway.message, /turned away with pw=\$\{env:VERTIGO_TEST_SECRET\}/)
  const missing = await refusedBy(network(false).replace('VERTIGO_TEST_SECRET', 'VERTIGO_NO_SUCH_SECRET'))
  assert.equal(missing.code, 'SECRET_MISSING')
  assert.match(missing.message, /ask\[0\].*config\.password is pw=|ask\[0\].*config\.password/)

  const { entries } = await place.store.range('')
  const everything = entries.map(({ key, value }) => key + Buffer.from(value).toString('latin1')).join('\n')
  assert.ok(everything.includes('${env:VERTIGO_TEST_SECRET}'))
  assert.ok(!everything.includes('sesame') && !JSON.stringify([place.logged, place.told]).includes('sesame'))
  assert.ok(place.told.some((text) => text.includes('turned away')))
})

const network = (fails: boolean) => `
name: net
components:
  numbers: { kind: generator, config: { rate: 50 } }
  ask: { kind: ./ask.ts, config: { password: 'pw=\${env:VERTIGO_TEST_SECRET}', fails: ${fails} } }
connections: [{ from: numbers.out, to: ask.in }]
`
