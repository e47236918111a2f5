import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, constants, openSync, readFileSync, readSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { kindDefinition } from '../../../src/component/kind.ts'
import { stdoutTo } from '../../../src/connectors/standard-streams/stdout.ts'
import { testNetwork, type NetworkTester } from '../../../src/testkit/index.ts'
import { folder } from '../connectors/support.ts'
import { type Checks, component, rejects, results } from './support.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Takes nothing while it is held. */
class HeldStream extends Writable {
  text = ''
  #release: (() => void) | undefined
  #held: boolean

  constructor(held: boolean) {
    super({ highWaterMark: 1024 })
    this.#held = held
  }

  open(): void {
    this.#held = false
    this.#release?.()
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const take = (): void => {
      this.text += chunk.toString()
      done()
    }
    if (this.#held) this.#release = take
    else take()
  }
}

async function answering(dir: string): Promise<NetworkTester<{}, {}, never>> {
  const path = join(dir, 'network.yaml')
  writeFileSync(
    path,
    `name: answering
components:
  in: { kind: feeder }
  out: { kind: answer }
connections:
  - { from: in.out, to: out.in }
`,
  )
  return testNetwork(path)
}

async function gathering(dir: string): Promise<NetworkTester<{}, {}, never>> {
  const path = join(dir, 'network.yaml')
  writeFileSync(
    path,
    `name: gathering
components:
  in: { kind: feeder }
  out: { kind: collector }
connections:
  - { from: in.out, to: out.in }
`,
  )
  return testNetwork(path)
}

export const sinks: Readonly<Record<string, Checks>> = {
  answer: {
    behaves: async (t) => {
      const tester = await answering(folder(t))
      const feeder = tester.feeder('in')
      await feeder.send('not asked')
      const answer = feeder.request({ n: 1 })
      await tester.settle()
      assert.deepEqual(await answer, { n: 1 })
      await tester.end()
    },
    // It sends nothing: each is answered as it comes.
    waits: async (t) => {
      const tester = await answering(folder(t))
      const feeder = tester.feeder('in')
      const answers = Promise.all(Array.from({ length: 3_000 }, (_, n) => feeder.request(n)))
      let isOver = false
      const over = answers.then(() => (isOver = true))
      await tester.until(() => isOver)
      await over
      assert.deepEqual(
        await answers,
        Array.from({ length: 3_000 }, (_, n) => n),
      )
      await tester.end()
    },
    fails: (_t, kind) => rejects(results(kind, [1], { x: 1 }), 'CONFIG_INVALID', 'x'),
  },
  collector: {
    behaves: async (t) => {
      const tester = await gathering(folder(t))
      for (const n of [1, 2, 3]) await tester.feeder('in').send(n)
      await tester.settle()
      const gathered = tester.gathered('out')
      assert.deepEqual(gathered.collected, [1, 2, 3])
      await tester.end()
      assert.deepEqual(await gathered.toArray(), [1, 2, 3])
    },
    // Whoever iterates sets the pace.
    waits: async (t) => {
      const count = 5000
      const tester = await gathering(folder(t))
      const feeder = tester.feeder('in')
      const gathered = tester.gathered('out')
      const iterator = gathered[Symbol.asyncIterator]()
      const first = iterator.next()
      const sending = Promise.all(Array.from({ length: count }, (_, n) => feeder.send(n)))
      await tester.settle()
      const got = [(await first).value as number]
      await tester.settle()
      assert.ok(gathered.collected.length < count / 2, `${gathered.collected.length} have gathered`)
      const reading = (async () => {
        for await (const n of { [Symbol.asyncIterator]: () => iterator }) got.push(n as number)
      })()
      await tester.until(() => got.length === count)
      await sending
      await tester.end()
      await reading
      assert.ok(got.length === count && got.every((n, at) => n === at))
    },
    fails: async (t, kind) => {
      await rejects(component(kind), 'BRIDGE_MISSING', 'tested')
      const tester = await gathering(folder(t))
      const all = tester.gathered('out').toArray()
      all.catch(() => undefined)
      await tester.close()
      await rejects(all, 'BRIDGE_CLOSED', 'out')
    },
  },
  'file-receiver': {
    behaves: async (t, kind) => {
      const dir = folder(t)
      const bytes = new TextEncoder().encode('content')
      const tester = await component(kind, { directory: dir })
      await tester.group('in', 'file', { name: 'a.bin', size: 7, modifiedMs: 0 }, (file) => {
        file.send(bytes)
        file.end({ size: 7, sha256: sha256(bytes) })
      })
      const path = join(dir, 'a.bin')
      assert.deepEqual(await tester.end(), { out: [{ path, size: 7, sha256: sha256(bytes) }] })
      assert.equal(readFileSync(path, 'utf8'), 'content')
    },
    waits: async (t, kind) => {
      const dir = folder(t)
      const tester = await component(kind, { directory: dir }, { hold: true })
      const none = new Uint8Array()
      for (let n = 0; n < 10; n++) {
        const file = tester.sender('in').group('file', { name: `${n}`, size: 0, modifiedMs: 0 })
        file.end({ size: 0, sha256: sha256(none) })
      }
      await tester.until(() => readdirSync(dir).length > 0)
      await tester.release('out', 1)
      await tester.until(() => tester.outputs.out.length === 1)
      assert.ok(tester.emitted <= 3, `${tester.emitted} of 10 files are reported without room`)
      assert.equal((await tester.end()).out.length, 10)
    },
    fails: async (t, kind) => {
      const dir = folder(t)
      await rejects(component(kind, { directory: join(dir, 'none') }), 'FILE_NOT_FOUND', '"directory"')
      await rejects(results(kind, [new Uint8Array(1)], { directory: dir }), 'TRANSFER_INVALID', 'tested')
    },
  },
  'file-sender': {
    behaves: async (t, kind) => {
      const path = join(folder(t), 'a.bin')
      writeFileSync(path, 'content')
      const tester = await component(kind)
      await tester.send('in', path)
      const { out } = await tester.end()
      assert.equal(Buffer.concat(out as Uint8Array[]).toString(), 'content')
      const { received } = tester
      assert.deepEqual(
        received.out.map(({ type }) => type),
        ['group-start', 'message', 'group-end'],
      )
    },
    waits: async (t, kind) => {
      const path = join(folder(t), 'a.bin')
      writeFileSync(path, new Uint8Array(100 * 1024))
      const tester = await component(kind, { chunkBytes: 1024 }, { hold: true })
      await tester.send('in', path)
      await tester.until(() => tester.emitted > 0)
      await tester.release('out', 1)
      await tester.until(() => tester.outputs.out.length === 1)
      assert.ok(tester.emitted <= 4, `${tester.emitted} of 100 chunks are read with room for 1`)
      assert.equal((await tester.end()).out.length, 100)
    },
    fails: async (t, kind) => {
      await rejects(results(kind, [join(folder(t), 'none')]), 'FILE_NOT_FOUND', 'tested', 'none')
    },
  },
  'file-sink': {
    behaves: async (t, kind) => {
      const path = join(folder(t), 'a.jsonl')
      await results(kind, [{ a: 1 }, 'b'], { path })
      assert.equal(readFileSync(path, 'utf8'), '{"a":1}\n"b"\n')
    },
    waits: async (t, kind) => {
      const path = join(folder(t), 'pipe.txt')
      execFileSync('mkfifo', [path])
      // Open for both, so that neither side waits for the other; nothing is read yet.
      const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
      try {
        const tester = await component(kind, { path })
        const line = 'x'.repeat(1023)
        await tester.send({ in: Array.from({ length: 4000 }, () => line) })
        assert.ok(tester.queued > 0, 'it took 4 MB into memory')
        let read = 0
        const end = tester.end().then(() => true)
        const block = Buffer.alloc(256 * 1024)
        while (read < 4000 * 1024) {
          read += readSome(reader, block)
          await new Promise(setImmediate)
        }
        assert.ok(await end)
      } finally {
        closeSync(reader)
      }
    },
    fails: async (_t, kind) => {
      await rejects(results(kind, ['x'], { path: '/dev/full' }), 'DISK_FULL', 'tested', '/dev/full')
    },
  },
  log: {
    behaves: async (_t, kind) => {
      const tester = await component(kind, { level: 'warn', label: 'odd' })
      await tester.send('in', 'text')
      await tester.end()
      assert.deepEqual(
        tester.log.map(({ level, message }) => ({ level, message })),
        [{ level: 'warn', message: 'odd: text' }],
      )
    },
    // The log takes each line when it is written: there is nothing to wait for, and nothing is kept or lost.
    waits: async (_t, kind) => {
      const tester = await component(kind)
      await tester.send({ in: Array.from({ length: 1000 }, (_, n) => n) })
      assert.equal(tester.queued, 0)
      assert.equal(tester.log.length, 1000)
      await tester.end()
    },
    fails: (_t, kind) => rejects(component(kind, { level: 'loud' }), 'CONFIG_INVALID', 'level'),
  },
  // The kind itself writes to the stream of this process: the same code with a stream of the test.
  stdout: {
    behaves: async (_t, kind) => {
      const stream = new HeldStream(false)
      const own = stdoutTo(() => stream)
      assert.equal(kindDefinition(own).description, kindDefinition(kind).description)
      await results(own, ['one', { a: 1 }, 2])
      assert.equal(stream.text, 'one\n{"a":1}\n2\n')
    },
    waits: async () => {
      const stream = new HeldStream(true)
      const tester = await component(stdoutTo(() => stream))
      const line = 'x'.repeat(1023)
      await tester.send({ in: Array.from({ length: 4000 }, () => line) })
      assert.ok(tester.queued > 0, 'it took 4 MB into memory')
      assert.ok(stream.writableLength <= 1e6, `${stream.writableLength} bytes wait in the stream`)
      stream.open()
      await tester.end()
      assert.equal(stream.text.length, 4000 * 1024)
    },
    fails: async () => {
      const broken = new Writable({
        write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
      })
      await rejects(
        results(
          stdoutTo(() => broken),
          ['x'],
        ),
        'OUTPUT_CLOSED',
        'tested',
      )
    },
  },
}

/** Bytes that are in the pipe just now. */
function readSome(reader: number, block: Buffer): number {
  try {
    return readSync(reader, block)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}
