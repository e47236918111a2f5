import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { seededRandom } from '../../../../src/base/random.ts'
import { defineComponent, type Kind, list, port, value } from '../../../../src/component/index.ts'
import type { SnapshotManifest } from '../../../../src/snapshot/manifest.ts'
import { type Message, Stage } from './stage.ts'

/** Whatever is changed in the files of a snapshot is noticed by who goes on from it, through the whole path. */

const kind: Kind = defineComponent({
  inputs: { in: port<Message>() },
  state: { sum: value(0), all: list<number>(), handled: value(0, { scope: 'instance' }) },
  on: {
    in({ n }, { state, timers }) {
      state.sum.update((sum) => sum + n)
      state.all.push(n)
      state.handled.update((count) => count + 1)
      timers.after('later', 3_600_000)
    },
  },
  timers: { later: () => undefined },
})

async function taken(t: TestContext, count: number) {
  const stage = new Stage()
  const messages = (of: number): Message[] =>
    Array.from({ length: of }, (_, n) => ({ key: `k${n % Math.ceil(of / 2)}`, n }))
  const before = await stage.begin({ kind, messages: messages(count) })
  const full = await before.take()
  await before.close()
  const after = await stage.begin({ kind, messages: messages(2), from: full })
  t.after(() => after.close())
  const from = await after.take()
  const files = from.instances.find(({ component }) => component === 'it')!.files
  assert.deepEqual(
    files.map((file) => file.kind),
    ['full', 'increment'],
  )
  return { stage, from, files, expected: after.keyed }
}

async function refuses(stage: Stage, from: SnapshotManifest, what: string): Promise<void> {
  let running
  try {
    running = await stage.begin({ kind, from })
  } catch (error) {
    const { code } = error as { readonly code?: string }
    assert.ok(
      code === 'SNAPSHOT_FILE_DAMAGED' ||
        code === 'SNAPSHOT_FILE_MISSING' ||
        code === 'SNAPSHOT_FORMAT_NEWER',
      `${what}: ${String(error)}`,
    )
    return
  }
  await running.close()
  assert.fail(`${what} was not noticed`)
}

test('each byte of a small state: flipped, cut off there, or with one more', async (t) => {
  const { stage, from, files, expected } = await taken(t, 3)
  const { objects } = stage.backend
  for (const { name } of files) {
    const whole = objects.get(name)!
    const put = (bytes: Uint8Array): void => void objects.set(name, bytes)
    for (let at = 0; at < whole.length; at++) {
      const flipped = Uint8Array.from(whole)
      flipped[at]! ^= 1 << (at % 8)
      put(flipped)
      await refuses(stage, from, `a bit of byte ${at} of ${name}`)
      if (at % 4 > 0) continue
      put(whole.slice(0, at))
      await refuses(stage, from, `${name} cut off at ${at}`)
    }
    put(Uint8Array.from([...whole, 0]))
    await refuses(stage, from, `${name} with one byte more`)
    objects.delete(name)
    await refuses(stage, from, `${name} gone`)
    put(whole)
  }
  const now = await stage.begin({ kind, from })
  t.after(() => now.close())
  assert.deepEqual(now.keyed, expected)
})

test('a large state: flipped bits, cuts, and files in each other’s place', async (t) => {
  const { stage, from, files } = await taken(t, 3_000)
  const { objects } = stage.backend
  const [full, increment] = files.map(({ name }) => name) as [string, string]
  const whole = objects.get(full)!
  const random = seededRandom(7)
  for (let round = 0; round < 60; round++) {
    const at = random.int(whole.length)
    const bit = random.int(8)
    const flipped = Uint8Array.from(whole)
    flipped[at]! ^= 1 << bit
    objects.set(full, flipped)
    await refuses(stage, from, `bit ${bit} of byte ${at}`)
    objects.set(full, whole.slice(0, at))
    await refuses(stage, from, `cut off at ${at}`)
  }
  objects.set(full, objects.get(increment)!)
  await refuses(stage, from, 'the increment in place of the full file')
  objects.set(full, whole)
  objects.set(increment, whole)
  await refuses(stage, from, 'the full file in place of the increment')
})
