import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GroupContext, GroupTracker } from '../../../src/messaging/group-tracker.ts'
import { InputChannel } from '../../../src/messaging/input-channel.ts'
import { groupHeldMessagesMax } from '../../../src/messaging/limits.ts'
import type { Control, Parcel } from '../../../src/messaging/parcel.ts'
import { throwsWith } from '../testkit/errors.ts'

type GroupStart = Extract<Control, { type: 'group-start' }>

function start(id: number, parent = 0, name = 'g'): GroupStart {
  return { type: 'group-start', id, parent, name, args: undefined }
}

function parcel(group: number, items: unknown[], control: Control | null = null): Parcel {
  return { items, group, control, bytes: items.length * 10, tracks: null, released: false }
}

test('empty groups that wait are bounded, as their messages are', () => {
  const groups = new GroupTracker()
  groups.start(start(1))
  for (let id = 2; id <= groupHeldMessagesMax + 1; id++) groups.start(start(id))
  throwsWith(() => groups.start(start(groupHeldMessagesMax + 2)), 'GROUP_HELD_LIMIT', /group "g"/)
})

test('what waited is counted no more once it has its turn', () => {
  const groups = new GroupTracker()
  let open: GroupContext | undefined = groups.start(start(1))
  for (let id = 2; id <= 50; id++) {
    assert.equal(groups.start(start(id)), undefined)
    groups.hold(parcel(id, ['a', 'b'], start(id + 1000, id, 'inner')))
    groups.hold(parcel(id + 1000, ['c'], { type: 'group-end', id: id + 1000, args: undefined }))
    groups.hold(parcel(id, [], { type: 'group-end', id, args: undefined }))
  }
  assert.equal(groups.heldCount, 49 * 7)
  for (let id = 2; id <= 50; id++) {
    const next: GroupContext | undefined = groups.end(open!)
    const held = groups.takeHeld(next)
    assert.deepEqual(
      held.map(({ group, control }) => [group, control?.type]),
      [
        [0, 'group-start'],
        [id, 'group-start'],
        [id + 1000, 'group-end'],
        [id, 'group-end'],
      ],
    )
    open = groups.start(held[0]!.control as GroupStart)
    assert.equal(open?.id, id)
    assert.equal(groups.mustWait(parcel(id + 1000, [])), false)
  }
  assert.equal(groups.heldCount, 0)
  assert.equal(groups.takeHeld(groups.end(open!)).length, 0)
  assert.equal(groups.get(open!.id), undefined)
})

test('GR-3: the credit of what waits goes back at once, and once only', () => {
  const released: [number, number][] = []
  const channel = new InputChannel(1, 0, {
    release: (messages, bytes) => void released.push([messages, bytes]),
  })
  channel.push(parcel(0, ['before'], start(1)))
  channel.push(parcel(0, [], start(2)))
  channel.push(parcel(2, ['x', 'y']))
  channel.push(parcel(1, ['z']))
  assert.deepEqual(channel.first()?.items, ['before'])
  channel.shift()
  const first = channel.groups.start(start(1))!
  channel.shift()
  assert.equal(channel.groups.start(start(2)), undefined)
  assert.deepEqual(channel.first()?.items, ['z'])
  assert.deepEqual(released, [
    [2, 10],
    [1, 0],
    [2, 20],
  ])
  channel.shift()
  assert.equal(channel.first(), undefined)
  // What came in the meantime comes after what has waited.
  channel.push(parcel(2, ['late']))
  channel.resume(channel.groups.end(first))
  assert.equal(channel.first()?.control?.type, 'group-start')
  channel.shift()
  channel.groups.start(start(2))
  assert.deepEqual(channel.first()?.items, ['x', 'y'])
  channel.shift()
  assert.deepEqual(channel.first()?.items, ['late'])
  channel.shift()
  assert.equal(channel.isEmpty, true)
  assert.deepEqual(released.at(-1), [1, 10])
  assert.equal(released.length, 5)
})
