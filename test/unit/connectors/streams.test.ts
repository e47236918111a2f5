import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import test from 'node:test'
import { log } from '../../../src/connectors/index.ts'
import { stdinFrom } from '../../../src/connectors/standard-streams/stdin.ts'
import { stdoutTo } from '../../../src/connectors/standard-streams/stdout.ts'
import { coded, configFaults, within } from './support.ts'
import { testComponent, testSource } from '../../../src/testkit/index.ts'
import type { LogRecord } from '../../../src/component/index.ts'

test('stdin: gives lines as they come, and ends with the stream', async () => {
  const stream = new PassThrough()
  const source = await testSource(stdinFrom(() => stream))
  stream.write('one\ntw')
  assert.deepEqual(await source.take(1), ['one'])
  stream.write('o\r\n')
  assert.deepEqual(await source.take(1), ['two'])
  stream.end('three')
  assert.deepEqual(await source.rest(), { out: ['three'] })
})

test('stdin: reads much of it; further instances read nothing', async () => {
  const stream = new PassThrough()
  const kind = stdinFrom(() => stream)
  const expected = Array.from({ length: 20_000 }, (_, n) => `line ${n} é`)
  stream.end(`${expected.join('\n')}\n`)
  const second = await testSource(kind, { instance: 1, instances: 2 })
  assert.deepEqual(await second.rest(), { out: [] })
  const source = await testSource(kind, { outputs: { out: { capacity: 1000, hold: false } } })
  assert.deepEqual(await source.rest(), { out: expected })
})

test('stdin: an error and a line too long are named; closing ends the wait', async () => {
  const broken = new PassThrough()
  const source = await testSource(
    stdinFrom(() => broken),
    { name: 'input' },
  )
  broken.destroy(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
  await assert.rejects(source.rest(), coded('FILE_UNREADABLE', 'input', 'standard input'))
  const long = new PassThrough()
  long.end('x'.repeat(20))
  const limited = testSource(
    stdinFrom(() => long),
    { config: { maxLineBytes: 10 } },
  )
  await assert.rejects(limited, coded('LINE_TOO_LONG', 'line 1'))
  const quiet = await testSource(stdinFrom(() => new PassThrough()))
  await quiet.settle()
  await within(quiet.close(), 'the end of the wait')
  const drained = await testSource(stdinFrom(() => new PassThrough()))
  assert.deepEqual(await within(drained.end(), 'the end of the drain'), { out: [] })
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
  const sink = await testComponent(stdoutTo(() => stream))
  const lines = Array.from({ length: 50_000 }, (_, n) => `line ${n}`)
  let most = 0
  const write = stream._write.bind(stream)
  stream._write = (chunk, encoding, done) => {
    most = Math.max(most, stream.writableLength)
    write(chunk, encoding, done)
  }
  await sink.send('in', ...lines)
  await sink.end()
  assert.ok(most > 0 && most <= 300_000, `${most} waiting`)
  assert.equal(stream.text, `${lines.join('\n')}\n`)
})

test('stdout: does not hold text back', async () => {
  const stream = new SlowStream()
  const sink = await testComponent(stdoutTo(() => stream))
  await sink.send('in', 'now')
  await sink.until(() => stream.text === 'now\n')
  await sink.end()
})

test('stdout: a reader that has gone is a named error', async () => {
  const kind = stdoutTo(() => new SlowStream(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })))
  const drained = await testComponent(kind, { name: 'result' })
  await assert.rejects(
    drained.send('in', 'one').then(() => drained.end()),
    coded('OUTPUT_CLOSED', 'result', 'closed by its reader'),
  )
  const sink = await testComponent(kind, { name: 'result' })
  const goOn = async (): Promise<void> => {
    await sink.send('in', 'one')
    await sink.send('in', 'two')
    await sink.until(() => false)
  }
  await assert.rejects(goOn(), coded('OUTPUT_CLOSED'))
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
