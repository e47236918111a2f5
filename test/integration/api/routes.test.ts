import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { put } from '../../../src/store/operations.ts'
import { type Answer, ask, cluster, network } from './support.ts'

type Ask = (method: string, path: string, json?: unknown) => Promise<Answer>

async function started(t: TestContext): Promise<{ ask: Ask; held: Awaited<ReturnType<typeof cluster>> }> {
  const held = await cluster(t)
  const { address } = held.server
  return { held, ask: (method, path, json) => ask(address, method, path, json === undefined ? {} : { json }) }
}

/** What an error says, without its words. */
function shape({ status, body }: Answer): unknown {
  const { error } = body as { error: { code: string; message: string; remedy: string; faults: unknown[] } }
  assert.ok(error.message.length > 0 && error.remedy.length > 0, JSON.stringify(error))
  assert.deepEqual(Object.keys(error).toSorted(), ['code', 'faults', 'message', 'place', 'remedy'])
  return [status, error.code]
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    assert.ok(performance.now() < deadline, `not seen within 20 s: ${what}`)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

async function untilState(ask: Ask, name: string, state: string): Promise<Record<string, unknown>> {
  return until(`${name} ${state}`, async () => {
    const { body } = await ask('GET', `/v1/networks/${name}`)
    const status = body as Record<string, unknown>
    return status['state'] === state ? status : undefined
  })
}

test('a network is deployed, shown, scaled, rolled back, reduced, ended and forgotten', async (t) => {
  const { ask } = await started(t)
  const made = await ask('POST', '/v1/networks', network(['a', 'b']))
  assert.deepEqual([made.status, made.body], [200, { name: 'net', version: 1 }])
  const status = await untilState(ask, 'net', 'running')
  assert.deepEqual([status['version'], status['generation']], [1, 1])
  assert.deepEqual(
    (status['instances'] as Record<string, unknown>[]).map(({ component, index, node, state }) => [
      component,
      index,
      node,
      state,
    ]),
    [
      ['a', 0, 'n2', 'running'],
      ['b', 0, 'n1', 'running'],
      ['numbers', 0, 'n1', 'running'],
    ],
  )
  assert.deepEqual((await ask('GET', '/v1/networks')).body, [
    { name: 'net', state: 'running', version: 1, generation: 1, components: 3, instances: 3 },
  ])

  const scaled = await ask('POST', '/v1/networks/net/scale', { component: 'a', instances: 3, expected: 1 })
  assert.deepEqual(scaled.body, { name: 'net', version: 2 })
  assert.deepEqual(
    shape(await ask('POST', '/v1/networks/net/scale', { component: 'a', instances: 4, expected: 1 })),
    [409, 'CLUSTER_CHANGE_CONFLICT'],
  )
  const rolled = await ask('POST', '/v1/networks/net/rollback', { to: 1 })
  assert.deepEqual(rolled.body, { name: 'net', version: 3 })
  const { body: versions } = await ask('GET', '/v1/networks/net/versions')
  assert.deepEqual(
    (versions as Record<string, unknown>[]).map(({ version, instances, by, change }) => [
      version,
      instances,
      by,
      change,
    ]),
    [
      [3, 3, 'anonymous', 'roll back to version 1'],
      [2, 5, 'anonymous', 'scale a to 3'],
      [1, 3, 'anonymous', 'deploy'],
    ],
  )
  const { body: definition } = await ask('GET', '/v1/networks/net/definition?version=2')
  const { flat } = definition as { flat: { components: Record<string, { instances?: number }> } }
  assert.equal(flat.components['a']?.instances, 3)

  const { part } = network(['b'])
  const { numbers: _, ...components } = part.components
  const reduced = await ask('POST', '/v1/networks/net/undeploy-part', { part: { ...part, components } })
  assert.deepEqual(reduced.body, { name: 'net', version: 4 })
  await untilState(ask, 'net', 'running')
  assert.deepEqual(shape(await ask('POST', '/v1/networks/net/forget')), [409, 'NETWORK_RUNS'])
  const ended = await ask('DELETE', '/v1/networks/net')
  assert.match((ended.body as { state: string }).state, /^stopp/)
  await untilState(ask, 'net', 'stopped')
  assert.deepEqual((await ask('POST', '/v1/networks/net/forget')).body, { done: true })
  assert.deepEqual(shape(await ask('GET', '/v1/networks/net')), [404, 'NETWORK_UNKNOWN'])
})

test('replace is what it says; a part that leads nowhere is refused with every fault', async (t) => {
  const { ask } = await started(t)
  await ask('POST', '/v1/networks', network(['a', 'b']))
  await untilState(ask, 'net', 'running')
  await ask('POST', '/v1/networks', { ...network(['c']), mode: 'replace' })
  const { body } = await ask('GET', '/v1/networks/net/definition')
  const { flat, version } = body as { version: number; flat: { components: object } }
  assert.deepEqual([version, Object.keys(flat.components)], [2, ['numbers', 'c']])
  const { part, kinds } = network(['d'], 'other')
  const { numbers: _, ...components } = part.components
  const refused = await ask('POST', '/v1/networks', { part: { ...part, components }, kinds })
  assert.deepEqual(shape(refused), [422, 'NETWORK_INVALID'])
  const { error } = refused.body as { error: { faults: { code: string; place: { path: string } }[] } }
  assert.deepEqual(
    error.faults.map(({ code, place }) => [code, place.path]),
    [['COMPONENT_UNKNOWN', 'connections[0].from']],
  )
  await untilState(ask, 'net', 'running')
  assert.deepEqual((await ask('GET', '/v1/networks')).body, [
    { name: 'net', state: 'running', version: 2, generation: 2, components: 2, instances: 2 },
  ])
})

test('what is deployed has to be complete, and fit a cluster', async (t) => {
  const { ask } = await started(t)
  const { part, kinds } = network(['a'])
  const deploy = async (components: object, facts: object): Promise<readonly string[]> => {
    const answer = await ask('POST', '/v1/networks', {
      part: { ...part, components: { ...part.components, ...components } },
      kinds: { ...kinds, ...facts },
    })
    assert.deepEqual(shape(answer), [422, 'NETWORK_INVALID'])
    const { error } = answer.body as { error: { faults: { code: string; message: string }[] } }
    return error.faults.map(({ code, message }) => `${code} ${message}`)
  }
  const base = 'file:///net.yaml'
  assert.match((await deploy({ a: { kind: './a.ts', base } }, {}))[0]!, /^FIELD_INVALID.*not complete/)
  assert.match((await deploy({ a: { kind: '#a', base } }, {}))[0]!, /^FIELD_INVALID.*not complete/)
  assert.match((await deploy({ a: { kind: 'log' } }, {}))[0]!, /^FIELD_MISSING.*base/)
  assert.match((await deploy({ a: { kind: 'log', base, more: 1 } }, {}))[0]!, /^FIELD_UNKNOWN.*more/)
  assert.match((await deploy({}, { a: { role: 'sink' } }))[0]!, /^FIELD_INVALID.*kinds/)
  assert.match((await deploy({}, { a: { ...kinds['a'], inMain: true } }))[0]!, /^KIND_NOT_IN_CLUSTER/)
  assert.deepEqual((await ask('GET', '/v1/networks')).body, [])
})

test('nodes: who they are, what they host, who manages; drained and not', async (t) => {
  const { ask } = await started(t)
  await ask('POST', '/v1/networks', network(['a', 'b']))
  await untilState(ask, 'net', 'running')
  const nodes = async (): Promise<Record<string, unknown>[]> =>
    (await ask('GET', '/v1/nodes')).body as Record<string, unknown>[]
  assert.deepEqual(
    (await nodes()).map(({ id, pid, address, groups, workers, instances, manager }) => {
      return { id, pid, address, groups, workers, instances, manager }
    }),
    [
      {
        id: 'n1',
        pid: 100,
        address: '127.0.0.1:7000',
        groups: ['edge'],
        workers: 2,
        instances: 2,
        manager: true,
      },
      { id: 'n2', pid: 101, address: '127.0.0.1:7001', groups: [], workers: 2, instances: 1, manager: false },
    ],
  )
  assert.deepEqual((await ask('POST', '/v1/nodes/n2/drain')).body, { done: true })
  assert.deepEqual((await ask('POST', '/v1/nodes/n2/drain')).body, { done: true })
  const drained = (await nodes()).map(({ draining }) => (draining as { by?: string } | undefined)?.by)
  assert.deepEqual(drained, [undefined, 'anonymous'])
  assert.deepEqual((await ask('POST', '/v1/nodes/n2/undrain')).body, { done: true })
  assert.ok((await nodes()).every(({ draining }) => draining === undefined))
  assert.deepEqual(shape(await ask('POST', '/v1/nodes/n3/drain')), [404, 'NODE_UNKNOWN'])
  assert.deepEqual(shape(await ask('POST', '/v1/nodes/n3/undrain')), [404, 'NODE_UNKNOWN'])
})

test('configuration, identity, health, events', async (t) => {
  const { ask, held } = await started(t)
  assert.deepEqual((await ask('GET', '/v1/config')).body, {})
  assert.deepEqual((await ask('PUT', '/v1/config', { quorum: 2 })).body, { quorum: 2 })
  assert.deepEqual((await ask('GET', '/v1/config')).body, { quorum: 2 })
  assert.deepEqual(shape(await ask('PUT', '/v1/config', { quorum: 0 })), [400, 'API_REQUEST_INVALID'])
  assert.deepEqual((await ask('GET', '/v1/health')).body, { ok: true })
  assert.deepEqual((await ask('GET', '/v1/node')).body, {
    id: 'n1',
    cluster: 'test',
    version: '0.0.0',
    caller: { name: 'anonymous', role: 'admin' },
  })
  await held.events.append({ type: 'test', text: 'one' })
  await held.events.append({ type: 'test', text: 'two' })
  const texts = async (query: string): Promise<unknown[]> =>
    ((await ask('GET', `/v1/events${query}`)).body as { text: string }[]).map(({ text }) => text)
  assert.deepEqual(await texts('?after=1'), ['one', 'two'])
  assert.deepEqual(await texts('?after=1&limit=1'), ['one'])
  assert.deepEqual(shape(await ask('GET', '/v1/events?after=x')), [400, 'API_REQUEST_INVALID'])
})

test('unknown networks, versions and components are told with what is near', async (t) => {
  const { ask } = await started(t)
  await ask('POST', '/v1/networks', network(['a']))
  const cases = [
    ['GET', '/v1/networks/nett', undefined, 404, 'NETWORK_UNKNOWN'],
    ['GET', '/v1/networks/nett/watch', undefined, 404, 'NETWORK_UNKNOWN'],
    ['DELETE', '/v1/networks/nett', undefined, 404, 'NETWORK_UNKNOWN'],
    ['GET', '/v1/networks/net/definition?version=9', undefined, 404, 'VERSION_UNKNOWN'],
    ['POST', '/v1/networks/net/rollback', { to: 9 }, 404, 'VERSION_UNKNOWN'],
    ['POST', '/v1/networks/net/scale', { component: 'z', instances: 2 }, 404, 'COMPONENT_UNKNOWN'],
    ['POST', '/v1/networks/net/scale', { component: 'a', instances: 0 }, 422, 'USAGE'],
    ['POST', '/v1/networks/net/scale', { component: 'a', instances: 5000 }, 422, 'USAGE'],
    ['POST', '/v1/networks/net/scale', { component: 'a', instances: -1 }, 422, 'USAGE'],
    ['POST', '/v1/networks/net/scale', { component: 'a', instances: 1e308 }, 422, 'USAGE'],
    ['POST', '/v1/networks/net/scale', { component: 'a', instances: 1.5 }, 400, 'API_REQUEST_INVALID'],
    // JSON has no NaN.
    ['POST', '/v1/networks/net/scale', { component: 'a', instances: NaN }, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks/net/scale', { component: 'a', instances: '2' }, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks/net/scale', { component: '__proto__', instances: 2 }, 404, 'COMPONENT_UNKNOWN'],
    ['POST', '/v1/networks/net/rollback', { to: 0 }, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks/net/rollback', { to: 1e15 }, 404, 'VERSION_UNKNOWN'],
    ['POST', '/v1/nodes/n9/drain', undefined, 404, 'NODE_UNKNOWN'],
    ['POST', '/v1/nodes/n9/undrain', undefined, 404, 'NODE_UNKNOWN'],
    // Names that would lead elsewhere, were they parts of paths.
    ['POST', '/v1/nodes/..%2fnodes%2fn1/drain', undefined, 404, 'NODE_UNKNOWN'],
    ['POST', '/v1/nodes/__proto__/drain', undefined, 404, 'NODE_UNKNOWN'],
    ['GET', '/v1/networks/..%2f..%2fmanager', undefined, 404, 'NETWORK_UNKNOWN'],
    ['GET', '/v1/networks/x%2f..%2fnet', undefined, 404, 'NETWORK_UNKNOWN'],
    ['GET', '/v1/networks/net%00', undefined, 404, 'NETWORK_UNKNOWN'],
    ['DELETE', '/v1/networks/net%2fversions', undefined, 404, 'NETWORK_UNKNOWN'],
    ['POST', '/v1/networks/net%2fversions/forget', undefined, 404, 'NETWORK_UNKNOWN'],
  ] as const
  for (const [method, path, body, status, code] of cases)
    assert.deepEqual(shape(await ask(method, path, body)), [status, code], `${method} ${path}`)
  const { body } = await ask('GET', '/v1/networks/nett')
  assert.match((body as { error: { message: string } }).error.message, /Did you mean "?net"?/)
})

test('a new network is without components only where that is said', async (t) => {
  const { ask } = await started(t)
  const nothing = { part: { name: 'bare', components: {}, connections: [] }, kinds: {} }
  const refused = await ask('POST', '/v1/networks', nothing)
  assert.deepEqual(shape(refused), [422, 'NETWORK_INVALID'])
  assert.match(JSON.stringify(refused.body), /NETWORK_EMPTY/)
  assert.deepEqual((await ask('GET', '/v1/networks')).body, [])
  const made = await ask('POST', '/v1/networks', { ...nothing, bare: true })
  assert.deepEqual(made.body, { name: 'bare', version: 1 })
  assert.deepEqual((await untilState(ask, 'bare', 'running'))['instances'], [])
  // Said again it changes nothing, whatever is in it by now.
  assert.deepEqual((await ask('POST', '/v1/networks', network(['a'], 'bare'))).body, {
    name: 'bare',
    version: 2,
  })
  assert.deepEqual((await ask('POST', '/v1/networks', { ...nothing, bare: true })).body, {
    name: 'bare',
    version: 2,
  })
  for (const name of ['', '.', '..', '../a', 'a/b', 'a\0b', '-a', 'a b', 'n'.repeat(1000)]) {
    const answer = await ask('POST', '/v1/networks', {
      ...nothing,
      part: { ...nothing.part, name },
      bare: true,
    })
    assert.deepEqual(shape(answer), [422, 'NETWORK_INVALID'], JSON.stringify(name))
  }
  assert.equal(((await ask('GET', '/v1/networks')).body as unknown[]).length, 1)
})

test('a network of which a record is damaged hides no other in the list, and says what is wrong', async (t) => {
  const { ask, held } = await started(t)
  for (const name of ['net', 'other']) await ask('POST', '/v1/networks', network(['a'], name))
  await untilState(ask, 'net', 'running')
  await untilState(ask, 'other', 'running')
  const { plan } = held.keys.network('other')
  await held.store.transact({ then: [put(plan, Buffer.from('{"format":'))] })
  const [first, second] = (await ask('GET', '/v1/networks')).body as Record<string, unknown>[]
  assert.deepEqual([first!['name'], first!['state'], first!['components']], ['net', 'running', 2])
  const { error, ...said } = second as { error: { code: string; message: string; remedy: string } }
  assert.deepEqual(said, {
    name: 'other',
    state: 'damaged',
    version: 0,
    generation: 0,
    components: 0,
    instances: 0,
  })
  assert.equal(error.code, 'STORE_CORRUPT')
  assert.match(error.message, /networks\/other\/plan/)
  assert.match(error.remedy, /export/)
})
