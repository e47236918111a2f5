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
import type { Kind, OutputGroup, Port } from '../../../src/component/index.ts'
import { type ComponentTester, testComponent } from '../../../src/testkit/index.ts'
import { type Event, coded, folder } from './support.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

type Chunks = { readonly in: Port<Uint8Array> }
type Results = {
  readonly out: Port<{ readonly path: string; readonly size: number; readonly sha256: string }>
}

/** What the sender sends for a file. */
async function sent(
  path: string,
  config: { readonly base?: string; readonly chunkBytes?: number } = {},
): Promise<readonly Event[]> {
  const sender = await testComponent(fileSender, { config, name: 'sender' })
  try {
    await sender.send('in', path)
    await sender.end()
    return sender.received.out.map((received): Event => {
      if (received.type === 'message') return { message: received.message }
      return received.type === 'group-start'
        ? { group: (received as { readonly name?: string }).name, args: received.args }
        : { endArgs: received.args }
    })
  } finally {
    await sender.close().catch(() => undefined)
  }
}

function receiver(directory: string): Promise<ComponentTester<Chunks, Results>> {
  return testComponent(fileReceiver as unknown as Kind<Chunks, Results, { directory: string }>, {
    config: { directory },
    name: 'receiver',
  })
}

/** Sends on what `sent` gave, and whatever a sender would never send. */
function deliver(running: ComponentTester<Chunks, Results>, events: readonly Event[]): Promise<void> {
  const sender = running.sender('in')
  let group: OutputGroup<Uint8Array> | undefined
  for (const event of events) {
    if ('group' in event) group = sender.group(event.group, event.args)
    else if ('endArgs' in event) group!.end(event.endArgs)
    else if (group === undefined) sender(event.message as Uint8Array)
    else group.send(event.message as Uint8Array)
  }
  return running.settle()
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
    await deliver(running, events)
    await running.until(() => running.outputs.out.length === 1)
    const path = join(target, name)
    assert.deepEqual(running.take('out')[0], { path, size, sha256: sha256(bytes) })
    assert.ok(readFileSync(path).equals(bytes))
  }
  await running.end()
  assert.equal(readdirSync(target).length, 5)
})

test('folders below a base are kept', async (t) => {
  const dir = folder(t)
  mkdirSync(join(dir, 'from/a/b'), { recursive: true })
  mkdirSync(join(dir, 'to'))
  writeFileSync(join(dir, 'from/a/b/c.txt'), 'x')
  const running = await receiver(join(dir, 'to'))
  await deliver(running, await sent(join(dir, 'from/a/b/c.txt'), { base: join(dir, 'from') }))
  await running.end()
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
  const sender = await testComponent(fileSender, {
    config: { chunkBytes: 1024 },
    name: 'sender',
    outputs: { out: { hold: true } },
  })
  await sender.send('in', path)
  await sender.until(() => sender.emitted > 0)
  truncateSync(path, 5000)
  await assert.rejects(sender.end(), coded('FILE_CHANGED', path, '5000 of 10000'))
  assert.ok(!sender.received.out.some(({ type }) => type === 'group-end'))
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
    await assert.rejects(
      deliver(running, events).then(() => running.until(() => false)),
      coded('TRANSFER_INVALID', 'receiver'),
    )
    await running.close()
    assert.deepEqual(readdirSync(dir), [])
  }
  const stopped = await receiver(dir)
  await deliver(stopped, [start('a', 100), { message: bytes.subarray(1) }])
  await stopped.until(() => readdirSync(dir).join() === `a.${process.pid}.partial`)
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
      deliver(running, [start(name, 0), end(new Uint8Array())]).then(() => running.end()),
      coded('TRANSFER_INVALID', 'refused'),
    )
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
      try {
        await deliver(running, [start(parts.join('/'), 0), end(new Uint8Array())])
        await running.end()
      } catch (error) {
        // A file may also be where a folder is wanted, and the other way round.
        if (!isVertigoError(error)) throw error
      }
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
