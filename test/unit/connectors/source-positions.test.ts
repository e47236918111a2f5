import assert from 'node:assert/strict'
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Kind, SourcePositions } from '../../../src/component/index.ts'
import { fileLines } from '../../../src/connectors/file/lines.ts'
import { generator } from '../../../src/connectors/generate/generator.ts'
import { eventually } from '../../support/eventually.ts'
import { folder, RunningSource, type Setting } from './support.ts'

/** A source that is stopped at any moment and goes on elsewhere sends the same as one that was never stopped. */

/** What a source sends that is stopped after each number of messages, and goes on from its positions. */
async function inPieces(
  kind: Kind,
  setting: Setting,
  stops: readonly number[],
  max: number,
): Promise<unknown[]> {
  const all: unknown[] = []
  let positions: SourcePositions | undefined
  for (const stop of [...stops, Infinity]) {
    const source = await RunningSource.open(kind, { ...setting, extra: { positions } })
    await source.until(({ length }) => length >= stop, max)
    // Through the form in which they are stored.
    positions = structuredClone(source.positions)
    all.push(...source.output.messages)
    const { done } = source
    await source.close()
    if (done) return all
  }
  return all
}

const stops = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 6 })
const line = fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('', 'ä', '\u{1f600}', 'x'.repeat(300)))
const lineEnd = fc.constantFrom('\n', '\r\n')
const texts = fc
  .tuple(fc.array(fc.tuple(line, lineEnd), { maxLength: 60 }), fc.constantFrom('', 'last', '\ufeff'))
  .map(([lines, last]) => lines.map(([text, end]) => text.replaceAll(/[\r\n]/g, ' ') + end).join('') + last)

for (const gzip of [false, true]) {
  test(`file-lines goes on where it was, ${gzip ? 'gzip' : 'plain'}`, async (t) => {
    const inside = folder(t)
    const paths = ['a', 'b', 'c'].map((name) => join(inside, gzip ? `${name}.gz` : name))
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(texts, texts, texts),
        stops,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (contents, stopsAt, max, skipEmpty) => {
          contents.forEach((text, at) => writeFileSync(paths[at]!, gzip ? gzipSync(text) : text))
          const setting = { config: { path: paths, skipEmpty } }
          const whole = await (await RunningSource.open(fileLines, setting)).all(max)
          assert.deepEqual(await inPieces(fileLines, setting, stopsAt, max), whole)
        },
      ),
      { numRuns: 150 },
    )
  })
}

test('file-lines that follows goes on where it was, with what was appended meanwhile', async (t) => {
  const path = join(folder(t), 'log')
  writeFileSync(path, 'one\ntwo\nthr')
  const config = { path, follow: true, pollMs: 10 }
  const first = await RunningSource.open(fileLines, { config })
  await first.until(({ length }) => length === 2)
  const positions = structuredClone(first.positions)
  await first.close()
  appendFileSync(path, 'ee\nfour\n')
  const second = await RunningSource.open(fileLines, { config, extra: { positions } })
  await second.until(({ length }) => length === 2)
  assert.deepEqual(second.output.messages, ['three', 'four'])
  await second.close()
})

async function positionsAfter(path: string, lines: number): Promise<SourcePositions> {
  const source = await RunningSource.open(fileLines, { config: { path } })
  await source.until(({ length }) => length >= lines, 1)
  await source.close()
  return source.positions!
}

async function resume(path: string, positions: SourcePositions): Promise<unknown[]> {
  return (await RunningSource.open(fileLines, { config: { path }, extra: { positions } })).all()
}

test('a file that is another one, shorter or gone is an error before anything is read of it', async (t) => {
  const path = join(folder(t), 'log')
  const write = (): void => writeFileSync(path, 'one\ntwo\nthree\n')
  write()
  const positions = await positionsAfter(path, 2)
  assert.deepEqual(await resume(path, positions), ['three'])
  writeFileSync(path, 'one\ntwx\nthree\n')
  await assert.rejects(resume(path, positions), { code: 'SOURCE_POSITION_LOST', message: /another file/ })
  writeFileSync(path, 'one\n')
  await assert.rejects(resume(path, positions), { code: 'SOURCE_POSITION_LOST' })
  const long = 'x'.repeat(400) + '\n'
  writeFileSync(path, long.repeat(4))
  const later = await positionsAfter(path, 3)
  truncateSync(path, long.length * 2)
  await assert.rejects(resume(path, later), { code: 'SOURCE_POSITION_LOST', message: /shorter/ })
  await assert.rejects(resume(`${path}-gone`, { [`${path}-gone`]: later[path]! }), { code: 'FILE_NOT_FOUND' })
  write()
  const [entry] = Object.values(positions)
  await assert.rejects(resume(path, { [path]: { version: 7, position: entry!.position } }), {
    code: 'SOURCE_POSITION_LOST',
  })
})

test('generator goes on where it was', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 60 }),
      stops,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 3 }),
      async (count, stopsAt, max, instances) => {
        const all: unknown[] = []
        for (let instance = 0; instance < instances; instance++)
          all.push(...(await inPieces(generator, { config: { count }, instance, instances }, stopsAt, max)))
        assert.deepEqual(
          (all as number[]).toSorted((a, b) => a - b),
          Array.from({ length: count }, (_, n) => n),
        )
      },
    ),
  )
})

test('parts of a generator that are dealt out anew send each number once', async () => {
  const open = (instance: number, instances: number, positions?: SourcePositions): Promise<RunningSource> =>
    RunningSource.open(generator, { config: { count: 50 }, instance, instances, extra: { positions } })
  const sent: unknown[] = []
  const parts: SourcePositions[] = []
  for (const instance of [0, 1, 2]) {
    const source = await open(instance, 3)
    await source.until(({ length }) => length >= 2 * instance, 1)
    parts.push(source.positions!)
    sent.push(...source.output.messages)
    await source.close()
  }
  const [a, b, c] = parts as [SourcePositions, SourcePositions, SourcePositions]
  sent.push(...(await (await open(0, 2, { ...a, ...c })).all(3)), ...(await (await open(1, 2, b)).all(4)))
  sent.push(...(await (await open(2, 3, {})).all()))
  assert.deepEqual(
    (sent as number[]).toSorted((x, y) => x - y),
    Array.from({ length: 50 }, (_, n) => n),
  )
  await assert.rejects(open(0, 1, { '1/2': { version: 1, position: 4 } }), { code: 'SOURCE_POSITION_LOST' })
})

test('what was lost is begun anew only where that is said; a gone file is dropped then', async (t) => {
  const inside = folder(t)
  const [a, b] = [join(inside, 'a'), join(inside, 'b')]
  const config = { path: [a, b], lost: 'begin' }
  writeFileSync(a, 'one\ntwo\n')
  writeFileSync(b, 'three\nfour\n')
  const first = await RunningSource.open(fileLines, { config })
  await first.until(({ length }) => length === 1, 1)
  const positions = structuredClone(first.positions)
  await first.close()
  writeFileSync(a, 'other\nlines\n')
  const second = await RunningSource.open(fileLines, { config, extra: { positions } })
  assert.deepEqual(await second.all(), ['other', 'lines', 'three', 'four'])
})

test('a file that is named no more is dropped, and one that is named now is read; each by one copy', async (t) => {
  const inside = folder(t)
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(inside, name)) as [string, string, string]
  for (const path of [a, b, c]) writeFileSync(path, `${path} 1\n${path} 2\n`)
  const first = await RunningSource.open(fileLines, { config: { path: [a, b] } })
  await first.until(({ length }) => length === 1, 1)
  const positions = structuredClone(first.positions)
  await first.close()
  const all: unknown[] = []
  for (const instance of [0, 1]) {
    const setting = { config: { path: [c, a] }, instance, instances: 2, extra: { positions } }
    all.push(...(await (await RunningSource.open(fileLines, setting)).all()))
  }
  assert.deepEqual(all, [`${c} 1`, `${c} 2`, `${a} 2`])
})

test('without follow, files that come later are not read, also after a failure', async (t) => {
  const inside = folder(t)
  writeFileSync(join(inside, 'b'), '1\n2\n')
  const config = { path: `${inside}/*` }
  const first = await RunningSource.open(fileLines, { config })
  await first.until(({ length }) => length === 1, 1)
  const positions = structuredClone(first.positions)
  await first.close()
  writeFileSync(join(inside, 'a'), 'later\n')
  assert.deepEqual(await (await RunningSource.open(fileLines, { config, extra: { positions } })).all(), ['2'])
})

test('with follow, files that begin to match are read, each by one copy, and once after a failure', async (t) => {
  const inside = folder(t)
  writeFileSync(join(inside, 'first'), 'first 1\n')
  const config = { path: `${inside}/*`, follow: true, pollMs: 10 }
  // Its path, which is new each time, says which copy reads a file: of so many, each has some.
  const names = Array.from({ length: 64 }, (_, n) => `file-${n}`)
  let positions: SourcePositions | undefined
  const seen: unknown[] = []
  for (const part of [1, 2]) {
    const copies = await Promise.all(
      [0, 1].map((instance) =>
        RunningSource.open(fileLines, { config, instance, instances: 2, extra: { positions } }),
      ),
    )
    t.after(() => Promise.all(copies.map((copy) => copy.close())))
    for (const name of names) appendFileSync(join(inside, name), `${name} ${part}\n`)
    const expected = part === 1 ? names.length + 1 : names.length
    const got = (): number => copies.reduce((sum, { output }) => sum + output.messages.length, 0)
    const reading = copies.map(async (copy) => copy.until(() => got() >= expected))
    await eventually(`${expected} lines have come`, () => got() >= expected)
    assert.ok(
      copies.every(({ output }) => output.messages.length > 0),
      'both have something to read',
    )
    positions = Object.assign({}, ...copies.map((copy) => structuredClone(copy.positions))) as SourcePositions
    seen.push(...copies.flatMap(({ output }) => output.messages))
    await Promise.all(copies.map((copy) => copy.close()))
    await Promise.all(reading)
  }
  const all = ['first 1', ...names.flatMap((name) => [`${name} 1`, `${name} 2`])]
  assert.equal(seen.length, all.length)
  assert.deepEqual(new Set(seen), new Set(all))
})
