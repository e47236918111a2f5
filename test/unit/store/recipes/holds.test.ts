import assert from 'node:assert/strict'
import { test } from 'node:test'
import { put, remove } from '../../../../src/store/operations.ts'
import { Election, type Leader } from '../../../../src/store/recipes/election.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/lease-keeper.ts'
import { Lock } from '../../../../src/store/recipes/lock.ts'
import { checkLog, LogRecorder } from '../../../support/store/log.ts'
import { leadAndWrite, lockAndWrite } from '../../../support/store/recipes.ts'
import { hasCode } from '../support/errors.ts'
import { someFaults } from '../support/faulty-store.ts'
import { disturb } from '../support/pauses.ts'
import { type SimulatedClient, World } from '../support/world.ts'

const ttlMs = 2_000
const plan = { ttlMs, writesMax: 6, pauseMsMax: 400 }

const contests = { election: leadAndWrite, lock: lockAndWrite }

for (const [name, act] of Object.entries(contests)) {
  for (let seed = 1; seed <= 12; seed++) {
    test(`HO-1, HO-3: ${name}: never two whose guarded writes succeed, seed ${seed}`, async () => {
      const world = new World(seed)
      const clients = Array.from({ length: 4 }, () => world.client({ ...someFaults, slow: 0.1 }))
      const recorder = new LogRecorder(world.client().store, 'log')
      const stop = new AbortController()
      const acting = Promise.all(clients.map((client) => act(client, plan, stop.signal)))
      const stopDisturbing = disturb(world, clients, ttlMs)
      await Promise.race([world.pass(120_000), acting])
      stopDisturbing()
      for (const client of clients) client.resume()
      await world.pass(4 * ttlMs)
      for (const client of clients) client.store.isCutOff = false
      stop.abort(new Error('the scenario is over'))
      await world.settle(acting)
      await world.pass(ttlMs)
      const lines = await recorder.stop()
      checkLog(lines)
      const writers = new Set(lines.map(({ by }) => by))
      assert.equal(writers.size, clients.length, 'everybody had a turn')
      assert.ok(lines.length > 40, `only ${lines.length} writes`)
      assert.deepEqual((await world.backend.range(`${name}/`, {})).entries, [], 'nobody left a key behind')
    })
  }
}

async function contender(world: World): Promise<{
  client: SimulatedClient
  keeper: LeaseKeeper
  lease: Awaited<ReturnType<LeaseKeeper['hold']>>
  election: Election
}> {
  const client = world.client()
  const keeper = new LeaseKeeper(client.store, client)
  const lease = await world.settle(keeper.hold({ ttlMs }))
  return { client, keeper, lease, election: new Election(client.store, 'e/', client) }
}

test('CO-2, EL-4: when the leader goes, one candidate asks the store', async () => {
  const world = new World(1)
  const contenders = []
  for (let i = 0; i < 20; i++) contenders.push(await contender(world))
  const [first, ...rest] = contenders
  const leadership = await world.settle(first!.election.campaign(first!.lease, 0))
  const campaigns = rest.map(({ election, lease }, i) => election.campaign(lease, i + 1))
  await world.pass(10)
  let reads = 0
  for (const { client } of rest) {
    const range = client.store.range.bind(client.store)
    client.store.range = (...args) => {
      reads++
      return range(...args)
    }
  }
  await world.settle(leadership.resign())
  await world.settle(campaigns[0]!)
  await world.pass(10)
  assert.equal(reads, 1)
})

test('EL-3: a leader that was paused past its deadline writes nothing on waking', async () => {
  const world = new World(2)
  const { client, lease, election } = await contender(world)
  const leadership = await world.settle(election.campaign(lease, 'me'))
  client.pause()
  await world.pass(3 * ttlMs)
  let calls = 0
  client.store.transact = () => {
    calls++
    return Promise.reject(new Error('the store was asked'))
  }
  const write = leadership.transact({ then: [put('k', new Uint8Array())] })
  await assert.rejects(write, hasCode('STORE_LEASE_LOST'))
  assert.equal(calls, 0)
  assert.equal(leadership.isHeld(), false)
  client.resume()
  await world.pass(10)
})

test('HO-4: who deletes the key of a leader deposes it', async () => {
  const world = new World(3)
  const { lease, election } = await contender(world)
  const leadership = await world.settle(election.campaign(lease, 'me'))
  const { entries } = await world.backend.range('e/', {})
  await world.backend.transact({ then: [remove(entries[0]!.key)] })
  const write = leadership.transact({ then: [put('k', new Uint8Array())] })
  await assert.rejects(world.settle(write), hasCode('STORE_HOLD_LOST'))
  assert.equal(leadership.signal.aborted, true)
  assert.equal((await world.backend.get('k')).entry, undefined)
  assert.equal(lease.isHeld(), true)
})

test('HO-5: the branch that is done where the leadership is lost may not write', async () => {
  const world = new World(4)
  const { lease, election } = await contender(world)
  const leadership = await world.settle(election.campaign(lease, 'me'))
  await assert.rejects(leadership.transact({ otherwise: [put('k', new Uint8Array())] }), hasCode('USAGE'))
})

test('a comparison of one’s own that does not hold is no lost leadership', async () => {
  const world = new World(5)
  const { lease, election } = await contender(world)
  const leadership = await world.settle(election.campaign(lease, 'me'))
  const compare = [{ key: 'k', target: 'version', is: '=', than: 5 }] as const
  const otherwise = [{ type: 'get', key: 'k' }] as const
  const result = await world.settle(leadership.transact({ compare, otherwise }))
  assert.equal(result.succeeded, false)
  assert.equal(result.results.length, 1)
  assert.equal(leadership.isHeld(), true)
})

test('CO-4: who gives up waiting leaves no key, also over a bad line', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World(seed)
    const leader = await contender(world)
    await world.settle(leader.election.campaign(leader.lease, 'leader'))
    const other = await contender(world)
    other.client.store.means.faults = { delayMsMax: 50, slow: 0, lost: 0.1, unanswered: 0.3, unknown: 0.3 }
    const stop = new AbortController()
    const campaign = other.election.campaign(other.lease, 'other', stop.signal)
    world.clock.after(world.random.next() * 200, () => stop.abort(new Error('enough')))
    await assert.rejects(world.settle(campaign))
    // Where the lease was lost meanwhile, the key is left to go with it.
    if (!other.lease.isHeld()) await world.pass(ttlMs)
    const { entries } = await world.backend.range('e/', {})
    assert.equal(entries.length, 1, `seed ${seed}`)
  }
})

test('observers see who leads, none, and new values', async () => {
  const world = new World(6)
  const a = await contender(world)
  const b = await contender(world)
  const seen: (string | undefined)[] = []
  const stop = new AbortController()
  const observing = (async () => {
    const show = (leader: Leader | undefined): string | undefined => leader?.value as string | undefined
    for await (const leader of b.election.observe(stop.signal)) seen.push(show(leader))
  })()
  await world.pass(1)
  const leadership = await world.settle(a.election.campaign(a.lease, 'a'))
  await world.settle(leadership.proclaim('a2'))
  assert.deepEqual(await world.settle(b.election.leader()), { value: 'a2', token: leadership.token })
  const next = b.election.campaign(b.lease, 'b')
  await world.pass(1)
  await world.settle(leadership.resign())
  await world.settle((await world.settle(next)).resign())
  await world.pass(1)
  stop.abort()
  await world.settle(observing)
  assert.deepEqual(seen, [undefined, 'a', 'a2', 'b', undefined])
})

test('LO-1: a lock is had in the order of asking; a free one is taken without waiting', async () => {
  const world = new World(7)
  const { client, lease } = await contender(world)
  const lock = new Lock(client.store, 'l/', client)
  const first = (await world.settle(lock.tryAcquire(lease)))!
  assert.equal(await world.settle(lock.tryAcquire(lease)), undefined)
  const order: number[] = []
  const others = [1, 2, 3].map(async (number) => {
    const hold = await lock.acquire(lease)
    order.push(number)
    assert.ok(hold.token > first.token)
    await hold.release()
  })
  await world.pass(5)
  assert.deepEqual(order, [])
  await world.settle(first.release())
  await world.settle(Promise.all(others))
  assert.deepEqual(order, [1, 2, 3])
})

test('a lock is released once the store can be reached again, or its lease ends', async () => {
  for (const cutOffMs of [500, 3 * ttlMs]) {
    const world = new World(8)
    const { client, lease } = await contender(world)
    const hold = await world.settle(new Lock(client.store, 'l/', client).acquire(lease))
    const other = await contender(world)
    const next = new Lock(other.client.store, 'l/', other.client).acquire(other.lease)
    client.store.isCutOff = true
    world.clock.after(cutOffMs, () => {
      client.store.isCutOff = false
    })
    const startMs = world.clock.now()
    const released = hold.release()
    assert.equal(hold.isHeld(), false)
    await world.settle(released)
    await world.settle(next)
    assert.ok(world.clock.now() - startMs < 6_000)
  }
})
