import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { MergedSection } from '../../../src/snapshot/merge.ts'
import { SectionRows } from '../../../src/snapshot/section-rows.ts'
import { EntryBlock, type EntryKind, type StateEntry } from '../../../src/state/entry-block.ts'

const key = fc.constantFrom('', 'a', 'b', '\u00e4', 'key', '\u00007', 'x'.repeat(40))
const entry = (...kinds: EntryKind[]) => fc.record({ kind: fc.constantFrom(...kinds), key, n: fc.nat(99) })
const files = fc.record({
  oldest: fc.array(fc.uniqueArray(entry('put'), { selector: (each) => each.key }), { maxLength: 1 }),
  newer: fc.array(fc.array(entry('put', 'append', 'delete'), { maxLength: 6 }), { maxLength: 4 }),
  asked: fc.array(key, { maxLength: 6 }),
  step: fc.integer({ min: 1, max: 3 }),
})

function block(entries: readonly { readonly kind: EntryKind; readonly key: string; readonly n: number }[]) {
  const made = new EntryBlock()
  for (const { kind, key: text, n } of entries)
    made.addEntry({ kind, key: Buffer.from(text), parts: kind === 'delete' ? [] : [Buffer.from([n])] })
  return made.take()
}

function shown({ key: bytes, parts }: StateEntry): readonly [string, string] {
  return [Buffer.from(bytes).toString(), parts.map((part) => part[0]).join(' ')]
}

test('rows that are asked for, and those that are left, are together what a merge gives; each once', () => {
  fc.assert(
    fc.property(files, ({ oldest, newer, asked, step }) => {
      const section = new MergedSection(3)
      for (const each of oldest) section.addOldest(block(each))
      for (const each of newer) section.addNewer(block(each))
      const merged = new Map(section.entries.map(shown))
      const given = new Map<string, string>()
      const take = (read: StateEntry): void => {
        const [name, parts] = shown(read)
        assert.ok(!given.has(name), `${name} came twice`)
        given.set(name, parts)
      }
      const rows = new SectionRows(section, {
        direct: (reader) => {
          // Every other one is plain.
          if (reader.keyHash % 2 === 0) return false
          take(reader.entry)
          return true
        },
        other: take,
      })
      for (const name of asked) {
        rows.read(name)
        assert.equal(given.get(name), merged.get(name), name)
        rows.readSome(step === 3 ? 1 : 0)
      }
      for (let steps = 0; !rows.isOver; steps++) {
        assert.ok(steps < 40)
        rows.readSome(step)
      }
      assert.deepEqual(given, merged)
      for (const name of asked) rows.read(name)
    }),
    { numRuns: 3_000 },
  )
})

test('a row that cannot be given is an error each time, and is there afterwards', () => {
  const section = new MergedSection(3)
  section.addOldest(block([{ kind: 'put', key: 'a', n: 1 }]))
  section.addNewer(block([{ kind: 'append', key: 'a', n: 2 }]))
  let isBroken = true
  const given: unknown[] = []
  const rows = new SectionRows(section, {
    direct: () => false,
    other: (read) => {
      if (isBroken) throw new Error('cannot be read')
      given.push(shown(read))
    },
  })
  for (let times = 0; times < 2; times++) {
    assert.throws(() => rows.read('a'), { message: 'cannot be read' })
    assert.throws(() => rows.readSome(5), { message: 'cannot be read' })
    assert.equal(rows.isOver, false)
  }
  isBroken = false
  rows.read('a')
  assert.deepEqual(given, [['a', '1 2']])
})
