import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../src/base/random.ts'
import { defaultChannelLimits } from '../../../src/messaging/limits.ts'
import { Outbox } from '../../../src/messaging/outbox.ts'
import { OutputChannel } from '../../../src/messaging/output-channel.ts'
import type { Parcel } from '../../../src/messaging/parcel.ts'
import { Router, type RouterSelector } from '../../../src/messaging/router.ts'
import { encodeKey, instanceOfKeyGroup, keyGroupOf, keyReader } from '../../../src/state/keys.ts'
import { throwsWith } from '../testkit/errors.ts'

function setting(targets: number, selector: RouterSelector, start = 0) {
  const outbox = new Outbox(
    { outboxUnblocked: () => undefined, outboxHasParcels: () => undefined, outboxHasFrames: () => undefined },
    Number.MAX_SAFE_INTEGER,
  )
  const parcels: Parcel[][] = Array.from({ length: targets }, () => [])
  const channels = parcels.map((own, id) => {
    const target = {
      eager: true,
      deliver(parcel: Parcel) {
        own.push(parcel)
        return 0
      },
    }
    return new OutputChannel(id, outbox, target, defaultChannelLimits, undefined)
  })
  const router = new Router(channels, selector, seededRandom(1), [], start)
  const got = (): unknown[][] => {
    for (const channel of channels) channel.flush(null)
    return parcels.map((own) => own.flatMap(({ items }) => items))
  }
  return { router, channels, got }
}

const ten = Array.from({ length: 10 }, (_, i) => i)

test('round-robin goes in turn, each source instance beginning elsewhere', () => {
  const { router, got } = setting(3, { type: 'round-robin' }, 4)
  for (const n of ten) router.route(n)
  assert.deepEqual(got(), [
    [2, 5, 8],
    [0, 3, 6, 9],
    [1, 4, 7],
  ])
})

test('all goes to each, in order', () => {
  const { router, got } = setting(3, { type: 'all' })
  for (const n of ten) router.route(n)
  assert.deepEqual(got(), [ten, ten, ten])
})

test('random goes to every instance about as often, and alike for one seed', () => {
  const once = setting(4, { type: 'random' })
  const again = setting(4, { type: 'random' })
  for (let n = 0; n < 4000; n++) {
    once.router.route(n)
    again.router.route(n)
  }
  const counts = once.got().map((own) => own.length)
  assert.deepEqual(
    counts,
    again.got().map((own) => own.length),
  )
  for (const count of counts) assert.ok(count > 850 && count < 1150, counts.join())
})

test('fair goes to whom has fewest waiting', () => {
  const { router, channels, got } = setting(3, { type: 'fair' })
  for (const n of [0, 1, 2, 3, 4, 5]) router.route(n)
  const first = got()
  assert.deepEqual(first, [
    [0, 3],
    [1, 4],
    [2, 5],
  ])
  channels[1]!.release(2, 0)
  channels[2]!.release(1, 0)
  for (const n of [6, 7, 8, 9]) router.route(n)
  assert.deepEqual(got(), [
    [0, 3, 9],
    [1, 4, 6, 7],
    [2, 5, 8],
  ])
})

test('KEY-3: hash goes where the key group of the key is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.string(), { maxLength: 30 }), (targets, ids) => {
      const { router, got } = setting(targets, { type: 'hash', key: keyReader('id') })
      for (const id of ids) router.route({ id })
      for (const [target, messages] of got().entries()) {
        for (const { id } of messages as { id: string }[]) {
          assert.equal(instanceOfKeyGroup(keyGroupOf(encodeKey(id)), targets), target)
        }
      }
      assert.equal(got().flat().length, ids.length)
    }),
  )
})

test('custom goes where it says; what is no target is SELECTOR_FAILED', () => {
  const chosen = (choose: (message: unknown, targets: number) => number | readonly number[]) =>
    setting(3, { type: 'custom', choose })
  const several = chosen((n) => [(n as number) % 3, 0])
  for (const n of [0, 1, 2]) several.router.route(n)
  assert.deepEqual(several.got(), [[0, 1, 2], [1], [2]])
  const none = chosen(() => [])
  none.router.route(1)
  assert.deepEqual(none.got(), [[], [], []])
  for (const wrong of [3, -1, 1.5, NaN, [0, 7], undefined, '1']) {
    throwsWith(() => chosen(() => wrong as number).router.route(1), 'SELECTOR_FAILED')
  }
  const failing = chosen(() => {
    throw new Error('no idea')
  })
  throwsWith(() => failing.router.route(1), 'SELECTOR_FAILED', /no idea/)
})

test('a key that cannot be one is KEY_INVALID', () => {
  const { router } = setting(2, { type: 'hash', key: keyReader('f') })
  throwsWith(() => router.route({ f: () => 1 }), 'KEY_INVALID', /a function cannot be a routing key/)
})
