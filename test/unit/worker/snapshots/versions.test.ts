import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { defineComponent, type Kind, list, map, port, value } from '../../../../src/component/index.ts'
import type { NewKeyedState } from '../../../../src/state/keyed-state.ts'
import { LmdbState } from '../../../../src/state/lmdb/lmdb-state.ts'
import { openRowFiles } from '../../../../src/state/lmdb/row-files.ts'
import { type Message, Stage } from './stage.ts'

/** State of one version of a component, read by another one; and state of instances, for other numbers of them. */

const inputs = { in: port<Message>() }
const messages = Array.from({ length: 40 }, (_, n): Message => ({ key: `k${n % 5}`, n }))
const sumOf = (key: number): number =>
  messages.filter(({ n }) => n % 5 === key).reduce((sum, { n }) => sum + n, 0)

/** Version 1: the sum of each key. */
const first = defineComponent({
  inputs,
  state: { sum: value(0) },
  on: { in: ({ n }, { state }) => void state.sum.update((sum) => sum + n) },
})

/** Version 2: the sum and how many, in one object; it knows the way there and back. */
const second = defineComponent({
  inputs,
  state: { total: value({ sum: 0, count: 0 }), seen: list<number>() },
  stateVersion: 2,
  migrate: {
    2: {
      up: ({ sum }, { key }) => ({ total: { sum, count: -1 }, seen: [key] }),
      down: ({ total }) => ({ sum: (total as { sum: number }).sum }),
    },
  },
  on: {
    in: ({ n }, { state }) =>
      void state.total.update(({ sum, count }) => ({ sum: sum + n, count: count + 1 })),
  },
})

async function with1(t: TestContext, kind: Kind = first) {
  const stage = new Stage()
  const before = await stage.begin({ kind, messages })
  t.after(() => before.close())
  return { stage, from: await before.take() }
}

test('state is migrated up, and written whole by the next snapshot, which others go on from', async (t) => {
  const { stage, from } = await with1(t)
  const now = await stage.begin({ kind: second, from })
  t.after(() => now.close())
  assert.deepEqual(now.keyed['k1'], { total: { sum: sumOf(1), count: -1 }, seen: ['k1'] })
  const next = await now.take()
  const part = next.instances.find(({ component }) => component === 'it')!
  assert.deepEqual([part.stateVersion, part.files.length, part.files[0]!.kind], [2, 1, 'full'])
  const again = await stage.begin({ kind: second, from: next, instances: 3 })
  t.after(() => again.close())
  assert.deepEqual(again.keyed, now.keyed)
})

test('older code goes on from newer state by what the newer code knows', async (t) => {
  const { stage, from } = await with1(t, second)
  const now = await stage.begin({ kind: first, from, writer: second })
  t.after(() => now.close())
  assert.deepEqual(now.keyed['k3'], { sum: sumOf(3) })
  await assert.rejects(stage.begin({ kind: first, from }), {
    code: 'STATE_VERSION_UNKNOWN',
    message: /version 2 of the state of it\[0\], which is of version 1: `migrate` of version 2 has no `down`/,
  })
})

test('a step that is missing, fails, or gives something else is an error before anything runs', async (t) => {
  const { stage, from } = await with1(t)
  const versioned = (
    stateVersion: number,
    migrate?: Parameters<typeof defineComponent>[0]['migrate'],
  ): Kind =>
    defineComponent({
      inputs,
      state: { sums: map<string, number>() },
      stateVersion,
      ...(migrate && { migrate }),
      on: { in: () => undefined },
    })
  const refused = (kind: Kind, code: string, message: RegExp): Promise<void> =>
    assert.rejects(stage.begin({ kind, from }), { code, message })
  await refused(versioned(2), 'STATE_VERSION_UNKNOWN', /`migrate` of version 2 has no `up`/)
  await refused(versioned(3, { 3: { up: () => ({}) } }), 'STATE_VERSION_UNKNOWN', /of version 2 has no/)
  await refused(versioned(2, { 2: { up: () => ({ other: 1 }) } }), 'STATE_MIGRATION_FAILED', /gave "other"/)
  await refused(
    versioned(2, { 2: { up: () => ({ sums: 1 }) } }),
    'STATE_MIGRATION_FAILED',
    /"sums" is declared as a map/,
  )
  await refused(versioned(2, { 2: { up: () => [] as never } }), 'STATE_MIGRATION_FAILED', /no object/)
  const failing = (): never => {
    throw new Error('not this one')
  }
  await refused(
    versioned(2, { 2: { up: failing } }),
    'STATE_MIGRATION_FAILED',
    /at the key "k\d".*not this one/,
  )
})

test('within a version, states may come and stand in another order; what goes is refused', async (t) => {
  const two = defineComponent({
    inputs,
    state: { sum: value(0), last: value(0) },
    on: {
      in({ n }, { state }) {
        state.sum.update((sum) => sum + n)
        state.last.set(n)
      },
    },
  })
  const { stage, from } = await with1(t, two)
  const three = await stage.begin({
    kind: defineComponent({
      inputs,
      state: { names: map<string, number>(), last: value(-1), more: value('new'), sum: value(-1) },
      on: { in: () => undefined },
    }),
    from,
  })
  t.after(() => three.close())
  assert.deepEqual(three.keyed['k0'], { names: undefined, last: 35, more: 'new', sum: sumOf(0) })
  const refused = (state: Parameters<typeof defineComponent>[0]['state'], message: RegExp): Promise<void> =>
    assert.rejects(
      stage.begin({
        kind: defineComponent({ inputs, state: state!, on: { in: () => undefined } }),
        from,
      }),
      { code: 'STATE_CHANGED', message },
    )
  await refused({ sum: value(0) }, /a value "last" of keys of it\[0\], which is not declared any more/)
  await refused({ sum: value(0), last: list<number>() }, /"last".*is declared as a list now/)
  await refused({ sum: value(0), last: value(0, { scope: 'instance' }) }, /"last".*not declared any more/)
})

test('a timer that nobody handles is refused in the same version, and given up in another one', async (t) => {
  const timed = defineComponent({
    inputs,
    state: { sum: value(0) },
    on: {
      in({ n }, { timers, state }) {
        state.sum.set(n)
        timers.after('later', 60_000)
      },
    },
    timers: { later: () => undefined },
  })
  const { stage, from } = await with1(t, timed)
  await assert.rejects(stage.begin({ kind: first, from }), {
    code: 'TIMER_UNKNOWN',
    message: /timer "later"/,
  })
  const now = await stage.begin({ kind: second, from })
  t.after(() => now.close())
  assert.equal(Object.keys(now.keyed).length, 5)
})

/** Lists and maps of the instance; each instance has what its own messages made of them. */
const parted = (of: 'split' | 'union' | 'refuse'): Kind =>
  defineComponent({
    inputs,
    state: {
      items: list<number>({ scope: 'instance', onRescale: of }),
      keys: map<string, number>({ scope: 'instance', onRescale: of }),
    },
    on: {
      in({ key, n }, { state }) {
        state.items.push(n)
        state.keys.set(key, n)
      },
    },
  })
const numbers = messages.map(({ n }) => n)
const lastOf = Object.fromEntries(messages.map(({ key, n }) => [key, n]))

for (const instances of [1, 2, 5])
  test(`split and union, from 3 instances to ${instances}`, async (t) => {
    const stage = new Stage()
    for (const way of ['split', 'union'] as const) {
      const before = await stage.begin({ kind: parted(way), instances: 3, messages })
      t.after(() => before.close())
      const now = await stage.begin({ kind: parted(way), instances, from: await before.take() })
      t.after(() => now.close())
      const all = now.ofInstances.map(({ items, keys }) => ({
        items: [...((items as number[] | undefined) ?? [])].toSorted((a, b) => a - b),
        keys: Object.fromEntries((keys as Map<string, number> | undefined) ?? []),
      }))
      assert.equal(all.length, instances)
      if (way === 'union') for (const each of all) assert.deepEqual(each, { items: numbers, keys: lastOf })
      else {
        assert.deepEqual(
          all.flatMap(({ items }) => items).toSorted((a, b) => a - b),
          numbers,
          'each item once',
        )
        const entries = all.flatMap(({ keys }) => Object.entries(keys))
        assert.equal(entries.length, 5, 'each entry once')
        assert.deepEqual(Object.fromEntries(entries), lastOf)
        const sizes = all.map(({ items }) => items.length)
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `they are dealt evenly: ${sizes.join()}`)
      }
    }
  })

test('what cannot be shared out is refused, by name', async (t) => {
  const stage = new Stage()
  const refused = async (kind: Kind, message: RegExp): Promise<void> => {
    const before = await stage.begin({ kind, instances: 2, messages })
    t.after(() => before.close())
    const from = await before.take()
    await assert.rejects(stage.begin({ kind, instances: 3, from }), {
      code: 'SNAPSHOT_NOT_DIVISIBLE',
      message,
    })
    const same = await stage.begin({ kind, instances: 2, from })
    t.after(() => same.close())
    assert.deepEqual(same.ofInstances, before.ofInstances)
  }
  await refused(parted('refuse'), /2 instances of it, and there are 3 now.*the state "items"/)
  const clashing = (onRescale: 'split' | 'union'): Kind =>
    defineComponent({
      inputs,
      state: { keys: map<string, number>({ scope: 'instance', onRescale }) },
      on: {
        in: ({ n }, { state }) => state.keys.set('same', onRescale === 'union' ? n : 0),
      },
    })
  await refused(clashing('union'), /two of them have an entry "same" in "keys"/)
  await refused(clashing('split'), /two of them have an entry "same" in "keys"/)
})

test('declarations that have no meaning are refused where they are made', () => {
  const refused = (declare: () => unknown, message: RegExp): void =>
    assert.throws(declare, { code: 'STATE_INVALID', message })
  refused(() => value(0, { scope: 'instance', onRescale: 'split' } as object), /one value has no parts/)
  refused(() => map({ onRescale: 'union' }), /keyed state moves with its keys/)
  refused(() => list({ ttlMs: 0 }), /`ttlMs` is 0/)
})

test('timers of keys move with their keys, and fire', async (t) => {
  const kind = (delayMs: number): Kind =>
    defineComponent({
      inputs,
      state: { fired: value(0), key: value('') },
      on: {
        in({ key }, { timers, state }) {
          state.key.set(key)
          timers.after('later', delayMs)
        },
      },
      timers: { later: ({ state }) => void state.fired.update((n) => n + 1) },
    })
  const stage = new Stage()
  const before = await stage.begin({ kind: kind(400), instances: 1, messages })
  const from = await before.take()
  assert.deepEqual(
    Object.values(before.keyed).map(({ fired }) => fired),
    [0, 0, 0, 0, 0],
  )
  await before.close()
  const now = await stage.begin({ kind: kind(400), instances: 4, from })
  t.after(() => now.close())
  await now.until('each timer to have fired', () =>
    Object.values(now.keyed).every(({ fired }) => fired === 1),
  )
  assert.deepEqual(
    Object.entries(now.keyed).map(([key, of]) => key === of['key']),
    [true, true, true, true, true],
  )
})

test('state on the disk is gone on from in memory, and the other way around, with increments', async (t) => {
  const states: NewKeyedState = (slots, place) =>
    new LmdbState(slots, place, openRowFiles(place), { cacheRowsMax: 2, dirtyRowsMax: 1 })
  const stage = new Stage()
  const before = await stage.begin({ kind: first, instances: 2, messages, states })
  t.after(() => before.close())
  const from = await before.take()
  const onDisk = await stage.begin({
    kind: first,
    instances: 2,
    messages: messages.slice(0, 3),
    from,
    states,
  })
  t.after(() => onDisk.close())
  const next = await onDisk.take()
  const expected = [0, 1, 2, 3, 4].map((key) => sumOf(key) + (key < 3 ? key : 0))
  const inMemory = await stage.begin({ kind: first, instances: 3, from: next })
  t.after(() => inMemory.close())
  assert.deepEqual(
    Object.values(inMemory.keyed).map(({ sum }) => sum),
    expected,
  )
  const kinds = next.instances
    .filter(({ component }) => component === 'it')
    .flatMap(({ files }) => files.map(({ kind }) => kind))
  assert.ok(kinds.includes('increment'), 'what is restored is not written again')
  const back = await stage.begin({ kind: first, instances: 1, from: await inMemory.take(), states })
  t.after(() => back.close())
  assert.deepEqual(
    Object.values(back.keyed).map(({ sum }) => sum),
    expected,
  )
})
