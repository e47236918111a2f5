import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { fileLines } from '../../../src/connectors/index.ts'
import { cut, FollowingReader } from '../../../src/connectors/file/follow.ts'
import type { Port } from '../../../src/component/index.ts'
import { type SourceTester, TestClock, testSource } from '../../../src/testkit/index.ts'
import { RunningSource, coded, configFaults, folder, within } from './support.ts'

async function lines(setting: Readonly<Record<string, unknown>>, instance = 0, instances = 1) {
  return testSource(fileLines, { config: setting as never, name: 'input', instance, instances })
}

async function readAll(setting: Readonly<Record<string, unknown>>): Promise<unknown[]> {
  const source = await lines(setting)
  try {
    return [...(await source.rest()).out]
  } finally {
    await source.close()
  }
}

test('reads a file, with and without a last line end, empty too', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.txt')
  for (const [text, expected] of [
    ['one\ntwo\n', ['one', 'two']],
    ['one\r\ntwo', ['one', 'two']],
    ['', []],
    ['\n', ['']],
  ] as const) {
    writeFileSync(path, text)
    assert.deepEqual(await readAll({ path }), expected)
  }
})

test('reads several chunks whole and in order', async (t) => {
  const path = join(folder(t), 'big.txt')
  const expected = Array.from({ length: 120_000 }, (_, n) => `line ${n} ${'é'.repeat(n % 13)}`)
  writeFileSync(path, expected.join('\n'))
  assert.deepEqual(await readAll({ path }), expected)
})

test('emits up to max lines synchronously while it has data', async (t) => {
  const path = join(folder(t), 'a.txt')
  writeFileSync(path, 'x\n'.repeat(1000))
  // How much one call gives is what the engine makes its turns of, and does not show outside of it.
  const source = await RunningSource.open(fileLines, { config: { path } })
  await source.until((messages) => messages.length > 0, 10)
  for (let n = 2; n <= 100; n++) {
    assert.equal(source.poll(10), 'more')
    assert.equal(source.output.messages.length, n * 10)
  }
  assert.equal((await source.all()).length, 1000)
})

test('reads a list and globs; a name with signs of a glob is taken by the letter where it exists', async (t) => {
  const dir = folder(t)
  for (const name of ['b.log', 'a.log', 'c[1].txt']) writeFileSync(join(dir, name), `${name}\n`)
  assert.deepEqual(await readAll({ path: [join(dir, 'b.log'), join(dir, 'a.log')] }), ['b.log', 'a.log'])
  assert.deepEqual(await readAll({ path: join(dir, '*.log') }), ['a.log', 'b.log'])
  assert.deepEqual(await readAll({ path: join(dir, 'c[1].txt') }), ['c[1].txt'])
})

test('instances divide the files', async (t) => {
  const dir = folder(t)
  for (let n = 0; n < 5; n++) writeFileSync(join(dir, `${n}.log`), `${n}\n`)
  const shares = await Promise.all(
    [0, 1, 2].map(
      async (instance) => (await (await lines({ path: join(dir, '*.log') }, instance, 3)).rest()).out,
    ),
  )
  assert.deepEqual(shares, [['0', '3'], ['1', '4'], ['2']])
})

test('reads gzip by its ending or where told, several members too', async (t) => {
  const dir = folder(t)
  const bytes = Buffer.concat([gzipSync('one\ntw'), gzipSync('o\nthree')])
  writeFileSync(join(dir, 'a.txt.gz'), bytes)
  writeFileSync(join(dir, 'b.bin'), bytes)
  assert.deepEqual(await readAll({ path: join(dir, 'a.txt.gz') }), ['one', 'two', 'three'])
  assert.deepEqual(await readAll({ path: join(dir, 'b.bin'), gzip: true }), ['one', 'two', 'three'])
  const many = Array.from({ length: 300_000 }, (_, n) => `line ${n}`)
  writeFileSync(join(dir, 'c.gz'), gzipSync(many.join('\n')))
  assert.deepEqual(await readAll({ path: join(dir, 'c.gz') }), many)
})

test('damaged gzip files are named errors', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.gz')
  const whole = gzipSync('some text\n'.repeat(1000) + Math.PI)
  writeFileSync(path, whole.subarray(0, whole.length - 10))
  await assert.rejects(readAll({ path }), coded('FILE_CORRUPT', path, 'cut off', '"path"'))
  writeFileSync(path, 'this is not gzip')
  await assert.rejects(readAll({ path }), coded('FILE_CORRUPT', path, 'not a gzip file'))
  const broken = Buffer.from(whole)
  broken.writeUInt32LE(12345, broken.length - 8)
  writeFileSync(path, broken)
  await assert.rejects(readAll({ path }), coded('FILE_CORRUPT', path))
})

test('what cannot be read is a named error before anything runs', async (t) => {
  const dir = folder(t)
  const none = join(dir, 'none.txt')
  await assert.rejects(
    lines({ path: none }),
    coded('FILE_NOT_FOUND', 'input', none, '"path"', 'does not exist'),
  )
  await assert.rejects(lines({ path: 'none.txt' }), coded('FILE_NOT_FOUND', join(process.cwd(), 'none.txt')))
  await assert.rejects(
    lines({ path: join(dir, '*.none') }),
    coded('FILE_NOT_FOUND', 'matches no file', '*.none'),
  )
  await assert.rejects(lines({ path: dir }), coded('FILE_IS_DIRECTORY', dir, '"path"'))
})

test(
  'an unreadable file is a named error',
  { skip: process.getuid?.() === 0 ? 'root reads everything' : false },
  async (t) => {
    const path = join(folder(t), 'secret.txt')
    writeFileSync(path, 'x')
    chmodSync(path, 0o000)
    await assert.rejects(lines({ path }), coded('FILE_UNREADABLE', path, 'permission denied'))
  },
)

test('a line above the limit names file, line and field', async (t) => {
  const path = join(folder(t), 'a.txt')
  writeFileSync(path, `ok\n${'x'.repeat(101)}\n`)
  await assert.rejects(
    readAll({ path, maxLineBytes: 100 }),
    coded('LINE_TOO_LONG', path, 'line 2', '"maxLineBytes"'),
  )
})

test('faults of the configuration name the field', async () => {
  assert.deepEqual(await configFaults(fileLines, { path: 'x', folow: true }), [
    'folow: is not a field of this kind. Did you mean "follow"?',
  ])
  assert.deepEqual(await configFaults(fileLines, {}), ['path: is missing'])
  assert.deepEqual(await configFaults(fileLines, { path: 3 }), ['path: must be a text or a list of texts'])
  assert.deepEqual(await configFaults(fileLines, { path: [] }), ['path: must name at least one file'])
  assert.match(
    (await configFaults(fileLines, { path: 'x', encoding: 'utf16' })).join(),
    /^encoding: must be one of: utf8, latin1$/,
  )
  assert.match(
    (await configFaults(fileLines, { path: 'x', follow: true, gzip: true })).join(),
    /^gzip: cannot be combined/,
  )
})

/** Bytes in use, garbage not counted. */
function liveBytes(): number {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test('200 MB go through a bounded memory', async (t) => {
  const path = join(folder(t), 'big.txt')
  const block = `${'a line of a kilobyte, '.repeat(47).slice(0, 1023)}\n`.repeat(1024)
  for (let n = 0; n < 200; n++) appendFileSync(path, block)
  const before = liveBytes()
  // The test kit remembers all that it has received.
  const source = await RunningSource.open(fileLines, { config: { path } })
  let count = 0
  let peak = 0
  let nextLook = 10_000
  while (!source.done) {
    await source.until((messages) => messages.length > 0, 1024)
    count += source.output.messages.length
    source.output.messages.length = 0
    if (count < nextLook) continue
    nextLook += 20_000
    peak = Math.max(peak, liveBytes() - before)
  }
  assert.equal(count, 200 * 1024)
  assert.ok(peak < 10e6, `took ${Math.round(peak / 1e6)} MB`)
})

const pollMs = 20

/** Follows a file, by the system's word or by looking each `pollMs`, whichever comes first. */
async function following(
  t: TestContext,
  path: string | string[],
): Promise<SourceTester<{ out: Port<string> }>> {
  const source = await testSource(fileLines, {
    name: 'input',
    config: { path, follow: true, pollMs },
    outputs: { out: { hold: false } },
  })
  t.after(() => source.close())
  return source
}

async function expectLines(
  source: SourceTester<{ out: Port<string> }>,
  expected: readonly string[],
): Promise<void> {
  await source.until(() => source.outputs.out.length >= expected.length, { stepMs: pollMs })
  assert.deepEqual(source.outputs.out, expected)
}

test('follow: lines come as they are appended, a part of a line only when it has ended', async (t) => {
  const path = join(folder(t), 'a.log')
  writeFileSync(path, 'one\ntw')
  const source = await following(t, path)
  await expectLines(source, ['one'])
  appendFileSync(path, 'o\nthree\n')
  await expectLines(source, ['one', 'two', 'three'])
  appendFileSync(path, 'four\n')
  await expectLines(source, ['one', 'two', 'three', 'four'])
})

test('follow: survives truncation', async (t) => {
  const path = join(folder(t), 'a.log')
  writeFileSync(path, 'one is a longer line\ncut off')
  const source = await following(t, path)
  await expectLines(source, ['one is a longer line'])
  truncateSync(path)
  await expectLines(source, ['one is a longer line', 'cut off'])
  appendFileSync(path, 'two\n')
  await expectLines(source, ['one is a longer line', 'cut off', 'two'])
})

test('follow: a file that is rewritten, longer than before, is read from its start', async (t) => {
  const path = join(folder(t), 'a.log')
  writeFileSync(path, 'one\nhalf')
  const clock = new TestClock()
  const noWatch = (): never => {
    throw new Error('nothing is told')
  }
  const reader = await FollowingReader.open(path, clock, 1000, noWatch)
  assert.equal(Buffer.from((await reader.next()) as Uint8Array).toString(), 'one\nhalf')
  const next = reader.next()
  writeFileSync(path, 'other\nand more\n')
  clock.advance(1000)
  assert.equal(await within(next, 'the look'), cut)
  assert.equal(Buffer.from((await reader.next()) as Uint8Array).toString(), 'other\nand more\n')
  const more = reader.next()
  appendFileSync(path, 'appended\n')
  clock.advance(1000)
  assert.equal(Buffer.from((await within(more, 'what was appended')) as Uint8Array).toString(), 'appended\n')
  await reader.close()
})

test('follow: survives rotation by renaming, and reads the old file to its end', async (t) => {
  const path = join(folder(t), 'a.log')
  writeFileSync(path, 'one\n')
  const source = await following(t, path)
  await expectLines(source, ['one'])
  renameSync(path, `${path}.1`)
  appendFileSync(`${path}.1`, 'two\n')
  writeFileSync(path, '')
  appendFileSync(`${path}.1`, 'three\n')
  await expectLines(source, ['one', 'two', 'three'])
  appendFileSync(path, 'four\n')
  await expectLines(source, ['one', 'two', 'three', 'four'])
  // Again, with the file away for a while and an unended line in the old one.
  appendFileSync(path, 'five')
  renameSync(path, `${path}.2`)
  writeFileSync(`${path}.new`, 'six\n')
  renameSync(`${path}.new`, path)
  await expectLines(source, ['one', 'two', 'three', 'four', 'five', 'six'])
})

test('follow: survives deletion, and copying over', async (t) => {
  const path = join(folder(t), 'a.log')
  writeFileSync(path, 'one\n')
  const source = await following(t, path)
  await expectLines(source, ['one'])
  rmSync(path)
  writeFileSync(`${path}.new`, 'two\nthree\n')
  copyFileSync(`${path}.new`, path)
  await expectLines(source, ['one', 'two', 'three'])
})

test('follow: several files side by side', async (t) => {
  const dir = folder(t)
  const [a, b] = [join(dir, 'a.log'), join(dir, 'b.log')]
  writeFileSync(a, 'a1\n')
  writeFileSync(b, 'b1\n')
  const source = await following(t, [a, b])
  const come = (count: number): Promise<void> =>
    source.until(() => source.outputs.out.length === count, { stepMs: pollMs })
  await come(2)
  appendFileSync(b, 'b2\n')
  await come(3)
  appendFileSync(a, 'a2\n')
  await come(4)
  assert.deepEqual(
    source.outputs.out.toSorted((x, y) => (x < y ? -1 : 1)),
    ['a1', 'a2', 'b1', 'b2'],
  )
})

test('follow: while nothing happens it sleeps, until the next look; closing ends the wait', async (t) => {
  const path = join(folder(t), 'a.log')
  writeFileSync(path, 'one\n')
  const source = await following(t, path)
  await expectLines(source, ['one'])
  const { clock } = source
  await source.until(() => clock.nextDueMs !== undefined)
  assert.ok(clock.nextDueMs! - clock.now() <= pollMs)
  await within(source.close(), 'the end of the wait')
  assert.equal(clock.nextDueMs, undefined)
})

test('follow: where the system tells nothing, it looks by its clock', async (t) => {
  const path = join(folder(t), 'a.log')
  writeFileSync(path, 'one')
  const clock = new TestClock()
  const noWatch = (): never => {
    throw Object.assign(new Error('ENOSPC: no more watches'), { code: 'ENOSPC' })
  }
  const reader = await FollowingReader.open(path, clock, 1000, noWatch)
  assert.equal(Buffer.from((await reader.next()) as Uint8Array).toString(), 'one')
  const next = reader.next()
  appendFileSync(path, 'two')
  clock.advance(1000)
  assert.equal(Buffer.from((await within(next, 'the look')) as Uint8Array).toString(), 'two')
  await reader.close()
  assert.equal(clock.nextDueMs, undefined)
})

test('follow: a drain ends it; gzip is refused; a directory is refused', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.log')
  writeFileSync(path, 'one\n')
  const source = await following(t, path)
  await expectLines(source, ['one'])
  assert.deepEqual(await within(source.end(), 'the end after the drain'), { out: ['one'] })
  writeFileSync(join(dir, 'b.gz'), gzipSync('x'))
  await assert.rejects(
    lines({ path: join(dir, 'b.gz'), follow: true }),
    coded('CONFIG_INVALID', 'cannot be followed'),
  )
  mkdirSync(join(dir, 'd'))
  await assert.rejects(lines({ path: join(dir, 'd'), follow: true }), coded('FILE_IS_DIRECTORY'))
})
