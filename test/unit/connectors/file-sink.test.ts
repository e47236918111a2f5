import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { csvHeader, csvLine } from '../../../src/connectors/file/format.ts'
import { fileSink } from '../../../src/connectors/index.ts'
import { testComponent } from '../../../src/testkit/index.ts'
import { RunningComponent, coded, configFaults, folder } from './support.ts'

const isRoot = process.getuid?.() === 0

async function sink(config: Readonly<Record<string, unknown>>, instance = 0, instances = 1) {
  return testComponent(fileSink, { config: config as never, name: 'result', instance, instances })
}

async function write(config: Readonly<Record<string, unknown>>, ...messages: unknown[]): Promise<void> {
  const running = await sink(config)
  try {
    await running.send('in', ...messages)
    await running.end()
  } finally {
    await running.close()
  }
}

const read = (path: string): string => readFileSync(path, 'utf8')

test('writes text, JSON lines and CSV by the ending, or as told', async (t) => {
  const dir = folder(t)
  const at = (name: string): string => join(dir, name)
  const record = { word: 'a,"b"', count: 2 }
  await write({ path: at('a.txt') }, 'one', record, 3)
  assert.equal(read(at('a.txt')), 'one\n{"word":"a,\\"b\\"","count":2}\n3\n')
  await write({ path: at('a') }, 'one')
  assert.equal(read(at('a')), 'one\n')
  for (const name of ['a.jsonl', 'a.NDJSON']) {
    await write({ path: at(name) }, 'one', record, null, undefined)
    assert.equal(read(at(name)), '"one"\n{"word":"a,\\"b\\"","count":2}\nnull\nnull\n')
  }
  await write({ path: at('a.csv') }, record, { word: 'line\nend', count: null })
  assert.equal(read(at('a.csv')), 'word,count\n"a,""b""",2\n"line\nend",\n')
  await write({ path: at('b.csv'), format: 'json-lines' }, 1)
  assert.equal(read(at('b.csv')), '1\n')
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.includes('partial')),
    [],
  )
})

test('JSON keeps what JSON.stringify would lose', async (t) => {
  const path = join(folder(t), 'a.jsonl')
  const rich = {
    map: new Map([['a', 1n]]),
    set: new Set([1]),
    pairs: new Map([[1, 2]]),
    bytes: new Uint8Array([1, 2]),
    buffer: Buffer.from([3]),
    error: new RangeError('no'),
  }
  await write({ path }, rich, 12n, new Date(0))
  const [first, ...rest] = read(path).trim().split('\n')
  assert.deepEqual(JSON.parse(first!), {
    map: { a: '1' },
    set: [1],
    pairs: [[1, 2]],
    bytes: [1, 2],
    buffer: [3],
    error: { name: 'RangeError', message: 'no' },
  })
  assert.deepEqual(rest, ['"12"', '"1970-01-01T00:00:00.000Z"'])
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  // The test kit would refuse it, as links between threads do; within one thread it gets to the sink.
  const direct = await RunningComponent.open(fileSink, { config: { path }, component: 'result' })
  await assert.rejects(direct.send(circle), coded('MESSAGE_UNFIT', 'result'))
  await direct.close()
})

test('the target appears at the clean end only, and stays as it was after a failure', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.txt')
  const partial = `a.txt.${process.pid}.partial`
  writeFileSync(path, 'before\n')
  const failed = await sink({ path })
  await failed.send('in', 'half')
  assert.deepEqual(readdirSync(dir), [partial, 'a.txt'].toSorted())
  await failed.close()
  assert.deepEqual(readdirSync(dir), ['a.txt'])
  assert.equal(read(path), 'before\n')
  const kept = await sink({ path, keepPartial: true })
  await kept.send('in', 'half')
  await kept.close()
  assert.deepEqual(readdirSync(dir), [partial, 'a.txt'].toSorted())
  // The name is taken now, so the next run uses another one.
  const running = await sink({ path })
  assert.deepEqual(readdirSync(dir), ['a.txt', partial, partial.replace('.partial', '-2.partial')].toSorted())
  await running.send('in', 'whole')
  await running.end()
  assert.equal(read(path), 'whole\n')
  assert.deepEqual(readdirSync(dir), [partial, 'a.txt'].toSorted())
})

test('PF-2: a target that another run writes is refused, and left alone', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.txt')
  const first = await sink({ path })
  await first.send('in', 'first')
  await assert.rejects(sink({ path }), coded('TARGET_IN_USE', 'result', path, 'another run of this process'))
  // By whatever name.
  symlinkSync(dir, join(dir, 'link'))
  await assert.rejects(sink({ path: join(dir, 'link', 'a.txt') }), coded('TARGET_IN_USE'))
  const other = await sink({ path: join(dir, 'a.txt.old') })
  await other.end()
  await first.end()
  assert.deepEqual(readdirSync(dir).toSorted(), ['a.txt', 'a.txt.old', 'link'])
  await (await sink({ path, append: true })).end()
  assert.equal(read(path), 'first\n')
})

test('PF-1: a target counts as written while the process of a partial file lives and has it open', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.txt')
  const script =
    'require("fs").openSync(`${process.argv[1]}.${process.pid}.partial`, "wx");console.log();process.stdin.resume()'
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  await assert.rejects(sink({ path }), coded('TARGET_IN_USE', `process ${child.pid}`, `${child.pid}.partial`))
  child.kill('SIGKILL')
  await exited
  const left = `a.txt.${child.pid}.partial`
  assert.deepEqual(readdirSync(dir), [left])
  await (await sink({ path })).end()
  assert.deepEqual(readdirSync(dir), ['a.txt', left])
})

test(
  'PF-1: the number of a process that is gone may be that of another one',
  { skip: !existsSync('/proc/1/fd') },
  async (t) => {
    const path = join(folder(t), 'a.txt')
    writeFileSync(`${path}.${process.ppid}.partial`, '')
    await (await sink({ path })).end()
    assert.equal(read(path), '')
  },
)

test('a folder that may be written to and not looked into takes a file', async (t) => {
  const dir = folder(t)
  chmodSync(dir, 0o333)
  const path = join(dir, 'a.txt')
  // Root may look everywhere.
  if (isRoot) process.seteuid!(65_534)
  try {
    assert.throws(() => readdirSync(dir), { code: 'EACCES' })
    await write({ path }, 'one')
  } finally {
    if (isRoot) process.seteuid!(0)
    chmodSync(dir, 0o755)
  }
  assert.equal(read(path), 'one\n')
})

test('a run without messages leaves an empty file', async (t) => {
  const dir = folder(t)
  await write({ path: join(dir, 'a.txt') })
  assert.equal(read(join(dir, 'a.txt')), '')
  await write({ path: join(dir, 'a.csv') })
  assert.equal(read(join(dir, 'a.csv')), '')
  await write({ path: join(dir, 'b.csv'), columns: ['x', 'y'] })
  assert.equal(read(join(dir, 'b.csv')), 'x,y\n')
})

test('many messages are all there; a handler waits only where a buffer is full', async (t) => {
  const path = join(folder(t), 'a.jsonl')
  // The test kit does not show how often a handler made the engine wait.
  const running = await RunningComponent.open(fileSink, { config: { path }, component: 'result' })
  const count = 100_000
  const messages = Array.from({ length: count }, (_, n) => ({ n, text: 'ü'.repeat(n % 20) }))
  await running.send(...messages)
  await running.finish()
  assert.ok(running.waits < 100, `${running.waits} waits`)
  const lines = read(path).split('\n')
  assert.equal(lines.length, count + 1)
  assert.ok(messages.every((message, n) => lines[n] === JSON.stringify(message)))
})

test('append keeps what is there', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.txt')
  await write({ path, append: true }, 'one')
  await write({ path, append: true }, 'two')
  assert.equal(read(path), 'one\ntwo\n')
  writeFileSync(path, 'unended')
  await write({ path, append: true }, 'three')
  assert.equal(read(path), 'unended\nthree\n')
  const failed = await sink({ path, append: true })
  await failed.send('in', 'never')
  await failed.close()
  assert.equal(read(path), 'unended\nthree\n')
  const csv = join(dir, 'a.csv')
  await write({ path: csv, append: true }, { a: 1, 'b,"c"': 2 })
  await write({ path: csv, append: true }, { a: 3, 'b,"c"': 4 })
  assert.equal(read(csv), 'a,"b,""c"""\n1,2\n3,4\n')
  await assert.rejects(write({ path: csv, append: true }, { a: 3, d: 4 }), coded('MESSAGE_UNFIT', '"d"'))
  await assert.rejects(
    sink({ path: csv, append: true, columns: ['a', 'x'] }),
    coded('CONFIG_INVALID', 'a, x', '"columns"'),
  )
  assert.deepEqual(readdirSync(dir), ['a.csv', 'a.txt'])
})

test('a link and the permissions of the target stay', async (t) => {
  const dir = folder(t)
  writeFileSync(join(dir, 'real.txt'), 'old', { mode: 0o600 })
  symlinkSync('real.txt', join(dir, 'link.txt'))
  await write({ path: join(dir, 'link.txt') }, 'new')
  assert.ok(lstatSync(join(dir, 'link.txt')).isSymbolicLink())
  assert.equal(read(join(dir, 'real.txt')), 'new\n')
  assert.equal(statSync(join(dir, 'real.txt')).mode & 0o777, 0o600)
})

test('instances write files of their own', async (t) => {
  const dir = folder(t)
  for (const path of ['counts.jsonl', 'part-{instance}/x.txt', 'plain']) {
    for (const instance of [0, 1]) {
      mkdirSync(join(dir, `part-${instance}`), { recursive: true })
      const running = await sink({ path: join(dir, path) }, instance, 2)
      await running.send('in', instance)
      await running.end()
    }
  }
  assert.deepEqual(readdirSync(dir), [
    'counts-0.jsonl',
    'counts-1.jsonl',
    'part-0',
    'part-1',
    'plain-0',
    'plain-1',
  ])
  assert.equal(read(join(dir, 'part-1/x.txt')), '1\n')
})

test('CSV with changing keys is an error that names the column', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'a.csv')
  await assert.rejects(write({ path }, { a: 1 }, { a: 1, b: 2 }), coded('MESSAGE_UNFIT', 'column "b"'))
  await assert.rejects(
    write({ path }, { a: 1, b: 2 }, { a: 1 }),
    coded('MESSAGE_UNFIT', 'lacks the column "b"'),
  )
  await assert.rejects(write({ path }, 'text'), coded('MESSAGE_UNFIT', 'a string'))
  await assert.rejects(write({ path }, [1]), coded('MESSAGE_UNFIT', 'an array'))
  assert.deepEqual(readdirSync(dir), [])
  // Another order is no change; and with columns, what is named there is taken.
  await write({ path }, { a: 1, b: 2 }, { b: 4, a: 3 })
  assert.equal(read(path), 'a,b\n1,2\n3,4\n')
  await write({ path, columns: ['b', 'a'] }, { a: 1, b: 2 }, { a: 3, c: 4 })
  assert.equal(read(path), 'b,a\n2,1\n,3\n')
})

/** An independent reader of RFC 4180, one character at a time. */
function parseCsv(text: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  let cell = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (quoted) {
      if (c !== '"') cell += c
      else if (text[i + 1] === '"') cell += text[++i]!
      else quoted = false
    } else if (c === '"') quoted = true
    else if (c === ',' || c === '\n') {
      record.push(cell)
      cell = ''
      if (c === '\n') {
        records.push(record)
        record = []
      }
    } else cell += c
  }
  assert.ok(!quoted && cell === '' && record.length === 0, 'the text ends with a record')
  return records
}

test('CSV: what is written is what is read', () => {
  const cell = fc
    .array(fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é', "'", ';'), { maxLength: 6 })
    .map((cs) => cs.join(''))
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), (records) => {
      const text = records.map(csvLine).join('')
      assert.deepEqual(parseCsv(text), records)
      if (records.length > 0) assert.deepEqual(csvHeader(text), records[0])
      assert.ok(
        !text.split('\n').slice(0, -1).includes('') || records.some((cells) => cells.join().includes('\n')),
      )
    }),
    { numRuns: 1000 },
  )
})

test('what cannot be written is a named error before anything runs', async (t) => {
  const dir = folder(t)
  const missing = join(dir, 'none', 'a.txt')
  await assert.rejects(
    sink({ path: missing }),
    coded('FILE_NOT_FOUND', 'result', missing, '"path"', 'folder'),
  )
  await assert.rejects(sink({ path: dir }), coded('FILE_IS_DIRECTORY', dir))
  await assert.rejects(sink({ path: `${dir}/x/` }), coded('FILE_IS_DIRECTORY'))
  writeFileSync(join(dir, 'file'), '')
  await assert.rejects(sink({ path: join(dir, 'file', 'a') }), coded('FILE_NOT_FOUND'))
  await assert.rejects(
    sink({ path: join(dir, 'a.txt'), columns: ['a'] }),
    coded('CONFIG_INVALID', '"columns"'),
  )
  await assert.rejects(sink({ path: '/proc/none.txt' }), coded('FILE_NOT_FOUND'))
  assert.deepEqual(await configFaults(fileSink, { path: '', formt: 'csv' }), [
    'path: must not be empty',
    'formt: is not a field of this kind. Did you mean "format"?',
  ])
})

test('permission denied is a named error', { skip: isRoot ? 'root writes everywhere' : false }, async (t) => {
  const dir = folder(t)
  chmodSync(dir, 0o500)
  await assert.rejects(sink({ path: join(dir, 'a.txt') }), coded('FILE_NOT_WRITABLE', 'permission denied'))
})

test('a full disk is a named error: a device', { skip: !existsSync('/dev/full') }, async () => {
  await assert.rejects(write({ path: '/dev/full' }, 'x'), coded('DISK_FULL', '/dev/full', '"path"'))
  const running = await sink({ path: '/dev/full' })
  await assert.rejects(async () => {
    for (let n = 0; n < 20; n++) await running.send('in', 'x'.repeat(100_000))
  }, coded('DISK_FULL'))
  await running.close()
})

/** Mounts a file system of 256 KB, or says why that cannot be. */
function tinyDisk(t: TestContext): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'vertigo-tiny-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    rmSync(dir, { recursive: true })
    return undefined
  }
  t.after(() => {
    execFileSync('umount', [dir])
    rmSync(dir, { recursive: true })
  })
  return dir
}

test('a full disk is a named error: a file system; nothing half-written stays', async (t) => {
  const dir = tinyDisk(t)
  if (dir === undefined) {
    t.skip('no right to mount a file system')
    return
  }
  const path = join(dir, 'a.txt')
  await write({ path }, 'before')
  await assert.rejects(
    write({ path }, ...Array.from({ length: 20 }, () => 'x'.repeat(100_000))),
    coded('DISK_FULL', path),
  )
  assert.deepEqual(readdirSync(dir), ['a.txt'])
  assert.equal(read(path), 'before\n')
})

test('a pipe is written directly and in time', { skip: process.platform === 'win32' }, async (t) => {
  const dir = folder(t)
  const path = join(dir, 'pipe.jsonl')
  execFileSync('mkfifo', [path])
  const { open } = await import('node:fs/promises')
  const [reader, running] = await Promise.all([open(path, 'r'), sink({ path })])
  t.after(() => reader.close())
  await running.send('in', { a: 1 })
  const { bytesRead, buffer } = await reader.read(Buffer.alloc(100), 0, 100, null)
  assert.equal(buffer.toString('utf8', 0, bytesRead), '{"a":1}\n')
  await running.end()
  assert.deepEqual(readdirSync(dir), ['pipe.jsonl'])
})
