import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isVertigoError } from '../../../src/base/errors.ts'
import { Inbox } from '../../../src/messaging/inbox.ts'
import { InputChannel } from '../../../src/messaging/input-channel.ts'
import { defaultChannelLimits } from '../../../src/messaging/limits.ts'
import { Outbox } from '../../../src/messaging/outbox.ts'
import { OutputChannel } from '../../../src/messaging/output-channel.ts'
import { Peer } from '../../../src/messaging/remote.ts'
import { TestClock } from '../../../src/testkit/index.ts'
import { inProcessLinks } from '../../../src/transport/in-process.ts'
import { encodeParcel } from '../../../src/wire/frame.ts'
import { throwsWith } from '../testkit/errors.ts'

/** One channel from one worker to another. */
function linked(queueMessagesMax: number) {
  const clock = new TestClock()
  const [here, there] = inProcessLinks(clock)
  const due: Peer[] = []
  const errors: unknown[] = []
  const events = {
    arrived: () => undefined,
    switched: () => undefined,
    cycle: () => undefined,
    tracked: () => [],
    track: () => undefined,
    mayAct: () => true,
  }
  const sender = new Peer(1, { ...events, creditDue: () => undefined })
  const receiver = new Peer(2, { ...events, creditDue: (peer) => void due.push(peer) })
  const outbox = new Outbox(
    { outboxUnblocked: () => undefined, outboxHasParcels: () => undefined, outboxHasFrames: () => undefined },
    10_000,
  )
  const target = sender.target(7, { component: 'split', port: 'word' })
  const output = new OutputChannel(
    7,
    outbox,
    target,
    { ...defaultChannelLimits, queueMessagesMax },
    undefined,
  )
  sender.addOutput(output)
  const inbox = new Inbox(1, () => undefined)
  const input = new InputChannel(7, 0, receiver.source(7))
  inbox.add(input)
  receiver.addInput(input, inbox)
  sender.attach(here, (error) => errors.push(error))
  const open = (): void => {
    receiver.attach(there, (error) => errors.push(error))
  }
  const giveCredit = (): void => {
    for (const peer of due.splice(0)) peer.flushCredit()
    clock.runSoon()
  }
  return { clock, here, output, outbox, input, open, giveCredit, errors }
}

test('CH-1, CH-2: messages cross the link in order, and their credit comes back', () => {
  const { clock, output, outbox, input, open, giveCredit, errors } = linked(10)
  open()
  const got: unknown[] = []
  for (let n = 0; n < 100; n++) {
    output.append(n)
    if (outbox.blocked === 0) continue
    output.flush(null)
    clock.runSoon()
    assert.equal(outbox.blocked, 1)
    for (let parcel = input.first(); parcel !== undefined; parcel = input.first()) {
      got.push(...parcel.items)
      input.shift()
    }
    giveCredit()
    assert.equal(outbox.blocked, 0)
    assert.equal(output.queued, 0)
  }
  assert.deepEqual(
    got,
    Array.from({ length: 100 }, (_, n) => n),
  )
  assert.deepEqual(errors, [])
})

test('frames that arrive before the receiver is open wait for it', () => {
  const { clock, output, input, open } = linked(10)
  output.append('early')
  output.flush(null)
  clock.runSoon()
  assert.equal(input.isEmpty, true)
  open()
  assert.deepEqual(input.first()?.items, ['early'])
})

test('a message that cannot leave the thread is named with its port and path, as is a group that cannot', () => {
  const { output } = linked(10)
  output.append({ ok: 1 })
  output.append({ user: { callbacks: [() => 1] } })
  const error = throwsWith(() => output.flush(null), 'MESSAGE_NOT_ENCODABLE')
  assert.match(
    error.message,
    /"split\.word" cannot leave its thread: message\.user\.callbacks\[0\] is a function/,
  )
  assert.deepEqual(error.place, { component: 'split', port: 'word' })
  const start = { type: 'group-start', id: 1, parent: 0, name: 'g', args: { done: Symbol('s') } } as const
  throwsWith(() => linked(1).output.control(0, start), 'MESSAGE_NOT_ENCODABLE', /\.args\.done is a symbol/)
})

test('rubbish on a link is FRAME_INVALID, and what comes after it arrives', () => {
  const { clock, here, output, input, open, errors } = linked(10)
  open()
  const frames = [
    new Uint8Array(0),
    new Uint8Array([9, 9, 9]),
    new Uint8Array(encodeParcel(8, 0, ['for nobody'], null)),
    new Uint8Array(encodeParcel(7, 0, [], { type: 'explode' })),
    new Uint8Array(encodeParcel(7, 0, [], { type: 'group-start', id: 'one' })),
    new Uint8Array(encodeParcel(7, 0, [], null)).subarray(0, 9),
  ]
  for (const frame of frames) here.send(frame)
  clock.runSoon()
  assert.deepEqual(
    errors.map((error) => isVertigoError(error) && error.code),
    frames.map(() => 'FRAME_INVALID'),
  )
  output.append('after')
  output.flush(null)
  clock.runSoon()
  assert.deepEqual(input.first()?.items, ['after'])
})

test('no bytes whatever do more than FRAME_INVALID', () => {
  const { clock, here, open, errors } = linked(10)
  open()
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4 }), fc.uint8Array({ maxLength: 100 }), (type, rest) => {
      here.send(new Uint8Array([type, ...rest]))
      clock.runSoon()
      for (const error of errors.splice(0)) assert.ok(isVertigoError(error) && error.code === 'FRAME_INVALID')
    }),
    { numRuns: 500 },
  )
})
