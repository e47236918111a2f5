import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import test from 'node:test'
import { log } from '../../../src/connectors/index.ts'
import { stdinFrom } from '../../../src/connectors/standard-streams/stdin.ts'
import { stdoutTo } from '../../../src/connectors/standard-streams/stdout.ts'
import { RunningComponent, RunningSource, coded, configFaults, within } from './support.ts'
import { testComponent } from '../../../src/testkit/index.ts'
import type { LogRecord } from '../../../src/component/index.ts'

test('stdin: gives lines as they come, and ends with the stream', async () => {
  const stream = new PassThrough()
  const source = await RunningSource.open(
    stdinFrom(() => stream),
    {},
  )
  stream.write('one\ntw')
  await within(
    source.until((messages) => messages.length === 1),
    'the first line',
  )
  stream.write('o\r\n')
  await within(
    source.until((messages) => messages.length === 2),
    'the second line',
  )
  stream.end('three')
  assert.deepEqual(await within(source.all(), 'the end'), ['one', 'two', 'three'])
})

test('stdin: reads much of it; further instances read nothing', async () => {
  const stream = new PassThrough()
  const kind = stdinFrom(() => stream)
  const expected = Array.from({ length: 50_000 }, (_, n) => `line ${n} é`)
  stream.end(`${expected.join('\n')}\n`)
  const second = await RunningSource.open(kind, { instance: 1, instances: 2 })
  assert.deepEqual(await second.all(), [])
  const source = await RunningSource.open(kind, {})
  assert.deepEqual(await within(source.all(), 'the end'), expected)
})

test('stdin: an error and a line too long are named; closing ends the wait', async () => {
  const broken = new PassThrough()
  const source = await RunningSource.open(
    stdinFrom(() => broken),
    { component: 'input' },
  )
  const all = source.all()
  broken.destroy(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
  await assert.rejects(within(all, 'the error'), coded('FILE_UNREADABLE', 'input', 'standard input'))
  const long = new PassThrough()
  long.end('x'.repeat(20))
  const limited = await RunningSource.open(
    stdinFrom(() => long),
    { config: { maxLineBytes: 10 } },
  )
  await assert.rejects(within(limited.all(), 'the error'), coded('LINE_TOO_LONG', 'line 1'))
  const quiet = await RunningSource.open(
    stdinFrom(() => new PassThrough()),
    {},
  )
  const end = quiet.until(() => false)
  await quiet.close()
  await within(end, 'the end of the wait')
})

class SlowStream extends Writable {
  text = ''
  readonly #fail: Error | undefined

  constructor(fail?: Error) {
    super({ highWaterMark: 1024 })
    this.#fail = fail
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    setImmediate(() => {
      this.text += chunk.toString()
      done(this.#fail)
    })
  }
}

test('stdout: texts as they are, else JSON; a drain waits until everything is written', async () => {
  const stream = new SlowStream()
  const sink = await testComponent(stdoutTo(() => stream))
  await sink.send('in', 'one', { a: 1 }, 2)
  await sink.end()
  assert.equal(stream.text, 'one\n{"a":1}\n2\n')
})

test('stdout: much of it, with back-pressure', async () => {
  const stream = new SlowStream()
  const sink = await RunningComponent.open(
    stdoutTo(() => stream),
    {},
  )
  const lines = Array.from({ length: 200_000 }, (_, n) => `line ${n}`)
  for (const line of lines) await sink.send(line)
  assert.ok(stream.writableLength <= 300_000, `${stream.writableLength} waiting`)
  await sink.finish()
  assert.equal(stream.text, `${lines.join('\n')}\n`)
})

test('stdout: does not hold text back', async () => {
  const stream = new SlowStream()
  const sink = await RunningComponent.open(
    stdoutTo(() => stream),
    {},
  )
  const written = new Promise<void>((resolve) => {
    const write = stream._write.bind(stream)
    stream._write = (chunk, encoding, done) => {
      write(chunk, encoding, done)
      resolve()
    }
  })
  await sink.send('now')
  await within(written, 'the write')
  await sink.finish()
})

test('stdout: a reader that has gone is a named error', async () => {
  const stream = new SlowStream(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  const sink = await RunningComponent.open(
    stdoutTo(() => stream),
    { component: 'result' },
  )
  await sink.send('one')
  await assert.rejects(sink.drain(), coded('OUTPUT_CLOSED', 'result', 'closed by its reader'))
  await assert.rejects(sink.send('two'), coded('OUTPUT_CLOSED'))
  await sink.close()
})

test('log: writes at its level, with its label', async () => {
  const shown = ({ level, message }: LogRecord) => ({ level, message })
  const plain = await testComponent(log)
  await plain.send('in', 'text', { a: 1 })
  await plain.end()
  assert.deepEqual(plain.log.map(shown), [
    { level: 'info', message: 'text' },
    { level: 'info', message: '{"a":1}' },
  ])
  const labelled = await testComponent(log, { config: { level: 'warn', label: 'odd' } })
  await labelled.send('in', 1n)
  await labelled.end()
  assert.deepEqual(labelled.log.map(shown), [{ level: 'warn', message: 'odd: "1"' }])
  assert.match((await configFaults(log, { level: 'loud' })).join(), /^level: must be one of: fatal, error/)
})
