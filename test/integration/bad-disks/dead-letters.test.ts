import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { project } from '../../e2e/support.ts'
import { eventually } from '../../support/eventually.ts'
import { fillDisk, noSmallDisk, SmallDisk } from '../../support/small-disk.ts'
import { Place, tally } from './place.ts'

/** DL-3: rejected messages of an exactly-once network, where the disk of the dead letters is full. */

const files: Readonly<Record<string, string>> = {
  ...tally({}),
  'count.ts': `import { defineComponent, port, value } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  outputs: { out: port<readonly [number, number]>() },
  state: { seen: value(0) },
  on: {
    in: (n, { state, emit }) => {
      if (n % 5 === 4) throw new Error('no ' + 'x'.repeat(1_000))
      emit.out([n, state.seen.update((before) => before + 1)])
    },
  },
})
`,
}

/** Numbers in whole lines. */
function lettersIn(folder: string): number[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.dead-letter.jsonl'))
  const lines = names.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
  return lines.flatMap((line) => {
    try {
      return (JSON.parse(line) as { readonly message: number }).message
    } catch {
      return []
    }
  })
}

test(
  'snapshots wait for the letters, by name; so each rejected number is in them, also where the node dies meanwhile, and all others are published once',
  { skip: noSmallDisk },
  async (t) => {
    const disk = new SmallDisk(t)
    const out = join(project(t, {}), 'out.jsonl')
    const place = await Place.start(t, {
      files: {
        ...files,
        'tally.yaml': files['tally.yaml']!.replace('out.jsonl', out).replace(
          './count.ts',
          './count.ts, errors: reject',
        ),
      },
      snapshots: pathToFileURL(join(project(t, {}), 'snapshots')).href,
      home: disk.folder,
      out,
    })
    await place.deploy()
    await eventually('some are rejected', () => lettersIn(disk.folder).length > 10)
    const empty = fillDisk(disk.folder)
    await place.node.until(/dead-letter\.jsonl.*(no room|no space)/i)
    place.assertLives()
    await eventually('snapshots wait for the letters, by name', async () => {
      const { snapshots } = await place.client.status('tally')
      return snapshots?.failing?.code === 'DEAD_LETTERS_LATE'
    })
    const before = place.published().length
    place.node.child.kill('SIGKILL')
    await place.node.ended()
    empty()
    disk.remount('size=16m')
    await place.begin()
    await eventually('more is published', () => place.published().length > before + 50)
    const published = place.published()
    assert.deepEqual(
      published,
      published.map((_, at) => [Math.floor(at / 4) * 5 + (at % 4), 1]),
    )
    const rejected = published.flatMap(([n]) => (n % 5 === 3 ? n + 1 : []))
    await eventually('each rejected number is in the letters', () => {
      const letters = new Set(lettersIn(disk.folder))
      return rejected.every((n) => letters.has(n))
    })
  },
)
