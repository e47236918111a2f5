import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { isVertigoError } from '../../../src/base/errors.ts'
import { fileReceiver, fileSender } from '../../../src/connectors/index.ts'
import { type Event, RunningComponent, coded, folder } from './support.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function sent(path: string, config: Readonly<Record<string, unknown>> = {}): Promise<readonly Event[]> {
  const sender = await RunningComponent.open(fileSender, { config, component: 'sender' })
  await sender.send(path)
  return sender.output.events
}

function receiver(directory: string): Promise<RunningComponent> {
  return RunningComponent.open(fileReceiver, { config: { directory }, component: 'receiver' })
}

test('files of any content arrive whole', async (t) => {
  const dir = folder(t)
  const target = join(dir, 'target')
  mkdirSync(target)
  const running = await receiver(target)
  for (const size of [0, 1, 1024, 1025, 300_000]) {
    const bytes = randomBytes(size)
    const name = `file-${size}.bin`
    writeFileSync(join(dir, name), bytes)
    const events = await sent(join(dir, name), { chunkBytes: 1024 })
    assert.equal(events.length, Math.ceil(size / 1024) + 2)
    assert.ok(events.every((event) => !('message' in event) || (event.message as Uint8Array).length <= 1024))
    const { group, args } = events[0] as {
      group: string
      args: { name: string; size: number; modifiedMs: number }
    }
    assert.deepEqual([group, args.name, args.size], ['file', name, size])
    assert.ok(args.modifiedMs > 1e12)
    assert.deepEqual(events.at(-1), { endArgs: { size, sha256: sha256(bytes) } })
    await running.deliver(events)
    const path = join(target, name)
    assert.deepEqual(running.output.messages.at(-1), { path, size, sha256: sha256(bytes) })
    assert.ok(readFileSync(path).equals(bytes))
  }
  await running.finish()
  assert.equal(readdirSync(target).length, 5)
})

test('folders below a base are kept', async (t) => {
  const dir = folder(t)
  mkdirSync(join(dir, 'from/a/b'), { recursive: true })
  mkdirSync(join(dir, 'to'))
  writeFileSync(join(dir, 'from/a/b/c.txt'), 'x')
  const running = await receiver(join(dir, 'to'))
  await running.deliver(await sent(join(dir, 'from/a/b/c.txt'), { base: join(dir, 'from') }))
  await running.finish()
  assert.equal(readFileSync(join(dir, 'to/a/b/c.txt'), 'utf8'), 'x')
  writeFileSync(join(dir, 'outside.txt'), 'x')
  await assert.rejects(
    sent(join(dir, 'outside.txt'), { base: join(dir, 'from') }),
    coded('FILE_UNREADABLE', '"base"'),
  )
})

test('sender: what cannot be sent is a named error', async (t) => {
  const dir = folder(t)
  await assert.rejects(sent(join(dir, 'none')), coded('FILE_NOT_FOUND', 'none'))
  await assert.rejects(sent(dir), coded('FILE_IS_DIRECTORY'))
  await assert.rejects(sent('/dev/null'), coded('FILE_UNREADABLE', 'regular file'))
})

test('sender: a file that shrinks meanwhile is an error, and its group does not end', async (t) => {
  const path = join(folder(t), 'a.bin')
  writeFileSync(path, randomBytes(10_000))
  const sender = await RunningComponent.open(fileSender, {
    config: { chunkBytes: 1024 },
    component: 'sender',
  })
  const emit = sender.output.emit.out
  const group = emit.group.bind(emit)
  emit.group = (name, args) => {
    const inner = group(name, args)
    return { ...inner, send: (message) => (truncateSync(path, 2000), inner.send(message)) }
  }
  await assert.rejects(sender.send(path), coded('FILE_CHANGED', path, '2000 of 10000'))
  assert.ok(!sender.output.events.some((event) => 'endArgs' in event))
})

const start = (name: string, size: number): Event => ({ group: 'file', args: { name, size, modifiedMs: 0 } })
const end = (bytes: Uint8Array): Event => ({ endArgs: { size: bytes.length, sha256: sha256(bytes) } })

test('receiver: what is not whole is refused and leaves nothing', async (t) => {
  const dir = folder(t)
  const bytes = randomBytes(100)
  const other = randomBytes(100)
  const cases: readonly (readonly Event[])[] = [
    [start('a', 100), { message: bytes }, end(other)],
    [start('a', 100), { message: bytes.subarray(1) }, end(bytes)],
    [start('a', 100), { message: bytes.subarray(1) }, end(bytes.subarray(1))],
    [start('a', 100), { message: bytes }, { message: bytes }],
    [start('a', 100), { message: 'text' }],
    [start('a', 100), { message: bytes }, { endArgs: undefined }],
    [{ group: 'file', args: undefined }],
    [{ message: bytes }],
  ]
  for (const events of cases) {
    const running = await receiver(dir)
    await assert.rejects(running.deliver(events), coded('TRANSFER_INVALID', 'receiver'))
    await running.close()
    assert.deepEqual(readdirSync(dir), [])
  }
  const stopped = await receiver(dir)
  await stopped.deliver([start('a', 100), { message: bytes.subarray(1) }])
  assert.deepEqual(readdirSync(dir), ['a.partial'])
  await stopped.close()
  assert.deepEqual(readdirSync(dir), [])
})

test('receiver: names that lead out of the directory are refused', async (t) => {
  const dir = folder(t)
  const inside = join(dir, 'inside')
  mkdirSync(inside)
  mkdirSync(join(dir, 'outside'))
  writeFileSync(join(dir, 'outside/there'), 'safe')
  symlinkSync('../outside', join(inside, 'link'))
  symlinkSync('../outside/there', join(inside, 'file-link'))
  const names = [
    '../x',
    'a/../../x',
    '/etc/x',
    '',
    '.',
    '..',
    'a//b',
    'a\\..\\..\\x',
    'C:\\x',
    'x\0y',
    'link/x',
    'link/y/z',
    'file-link',
  ]
  for (const name of names) {
    const running = await receiver(inside)
    await assert.rejects(
      running.deliver([start(name, 0), end(new Uint8Array())]),
      coded('TRANSFER_INVALID', 'refused'),
    )
    await running.close()
  }
  assert.deepEqual(readdirSync(join(dir, 'outside')), ['there'])
  assert.equal(readFileSync(join(dir, 'outside/there'), 'utf8'), 'safe')
  assert.deepEqual(readdirSync(dir), ['inside', 'outside'])
})

test('receiver: no name ever leads out', async (t) => {
  const dir = folder(t)
  const inside = join(dir, 'inside')
  mkdirSync(inside)
  const part = fc.constantFrom('..', '.', 'a', '', '/', '\\', 'b.txt', '...', ' ')
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
      const running = await receiver(inside)
      await running.deliver([start(parts.join('/'), 0), end(new Uint8Array())]).catch((error: unknown) => {
        // A file may also be where a folder is wanted, and the other way round.
        if (!isVertigoError(error)) throw error
      })
      await running.close()
      assert.deepEqual(readdirSync(dir), ['inside'])
    }),
    { numRuns: 200, examples: [[['a']]] },
  )
  assert.ok(existsSync(join(inside, 'a')))
})

test('receiver: the directory must be there', async (t) => {
  const dir = folder(t)
  await assert.rejects(receiver(join(dir, 'none')), coded('FILE_NOT_FOUND', 'none', '"directory"'))
  writeFileSync(join(dir, 'file'), '')
  await assert.rejects(receiver(join(dir, 'file')), coded('FILE_NOT_WRITABLE', 'not a directory'))
})
