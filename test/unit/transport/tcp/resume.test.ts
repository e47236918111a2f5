import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventTypes, type End, Pair } from './pair.ts'
import { noFaults } from './sim-lines.ts'

/** TL-1 to TL-5 under faults: two ends over lines that cut, stall, delay, refuse, and come twice. */

const seeds = Number(process.env['VERTIGO_LINK_SEEDS'] ?? 60)
const stormMs = 20_000
/** The longest pause between attempts, an attempt, and the time to notice a stalled line. */
const healedMs = 15_000

class Traffic {
  readonly sent: string[] = []
  readonly arrived: string[] = []
  readonly from: End

  constructor(from: End, to: End) {
    this.from = from
    to.link.receive((frame) => this.arrived.push(digest(frame)))
  }

  send(size: number): void {
    const frame = Buffer.alloc(size, this.sent.length % 251)
    if (size >= 4) frame.writeUInt32LE(this.sent.length)
    this.sent.push(digest(frame))
    this.from.link.send(frame)
    // TL-1: what was sent is the link's own.
    frame.fill(255)
  }
}

function digest(frame: Uint8Array): string {
  let sum = 0
  for (const byte of frame) sum = (sum * 31 + byte) >>> 0
  return `${frame.length}:${sum}`
}

function storm(seed: number): { readonly pair: Pair; readonly traffic: readonly Traffic[] } {
  const pair = new Pair(seed)
  const { clock, random, lines, near, far } = pair
  const traffic = [new Traffic(near, far), new Traffic(far, near)]
  const worst = random.next()
  lines.faults = {
    cut: 0.2 * worst * random.next(),
    stall: 0.02 * worst * random.next(),
    refuse: 0.5 * random.next(),
    replay: random.next(),
    delayMsMax: random.int(60),
  }
  const endMs = clock.now() + stormMs
  while (clock.now() < endMs) {
    const count = random.int(4)
    for (let i = 0; i < count; i++) {
      const size = random.int(20) === 0 ? random.int(200_000) : random.int(400)
      traffic[random.int(2)]!.send(size)
    }
    if (random.int(200) === 0) lines.cutAll()
    if (random.int(400) === 0) lines.stallAll()
    clock.advance(random.int(100))
  }
  lines.faults = noFaults
  clock.advance(healedMs)
  return { pair, traffic }
}

test('whatever happens to lines, every frame arrives once and in order when they hold again', () => {
  let cuts = 0
  let replays = 0
  let resumed = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const { pair, traffic } = storm(seed)
    for (const { sent, arrived } of traffic) {
      assert.deepEqual(arrived, sent, `seed ${seed}: what arrived is not what was sent`)
    }
    for (const end of [pair.near, pair.far]) {
      assert.equal(end.link.session.unconfirmed, 0, `seed ${seed}: something stays unconfirmed`)
      assert.ok(end.link.session.heldBytes <= 128 * 1024, `seed ${seed}: more is kept than a chunk`)
      const types = eventTypes(end)
      assert.ok(!types.includes('lost'), `seed ${seed}: ${types.join()}`)
      assert.equal(types.at(-1), 'reachable', `seed ${seed}: ${types.join()}`)
      const told = types.filter((type) => type === 'reachable' || type === 'unreachable')
      assert.ok(
        told.every((type, index) => type !== told[index - 1]),
        `seed ${seed}: told twice: ${told.join()}`,
      )
    }
    cuts += pair.lines.cuts
    replays += pair.lines.replays
    resumed += pair.near.link.lines - 1
  }
  // The faults have to have happened for this to prove anything.
  assert.ok(
    cuts > seeds && replays > seeds && resumed > seeds,
    `${cuts} cuts, ${replays} replays, ${resumed} resumed`,
  )
})

test('the same seed gives the same run', () => {
  const [one, other] = [storm(7), storm(7)]
  assert.deepEqual(one.pair.near.events, other.pair.near.events)
  assert.equal(one.pair.lines.cuts, other.pair.lines.cuts)
})
