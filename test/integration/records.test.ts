import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run, type Running, type RunOptions } from 'vertigo-flow'
import { failure } from '../support/error-code.ts'

/** What leaves a run beside its messages: rejected messages, the log, what a listener hears. */

const kinds = fileURLToPath(new URL('../fixtures/run/records.ts', import.meta.url))
let folder = ''
let number = 0

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vertigo-records-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function start(network: object, options: RunOptions): Promise<Running> {
  const file = join(folder, `network-${number++}.json`)
  await writeFile(file, JSON.stringify({ name: 'records', ...network }))
  return run(file, options)
}

/** Numbers into a component of this kind, which rejects what fails. */
function rejecting(kind: string, count: number, deadLetter: string): object {
  return {
    deadLetter,
    components: {
      numbers: { kind: 'generator', config: { count } },
      work: { kind: `${kinds}#${kind}`, errors: 'reject' },
    },
    connections: [{ from: 'numbers.out', to: 'work.in' }],
  }
}

for (const workers of [0, 2]) {
  describe(`with ${workers} workers`, () => {
    for (const kind of ['refusing', 'chatty'] as const) {
      test(`what a component reports waits within bounds (${kind})`, async () => {
        const count = 20_000
        let seen = 0
        let aheadMax = 0
        const running = await start(rejecting(kind, count, join(folder, `ahead-${kind}-${workers}.jsonl`)), {
          workers,
          onEvent(event) {
            if (event.type !== 'rejected' && event.type !== 'log') return
            seen++
            const work = running.status().instances.find(({ component }) => component === 'work')
            aheadMax = Math.max(aheadMax, (work?.received ?? 0) - seen)
          },
        })
        const summary = await running.done
        assert.equal(seen, count)
        assert.equal(summary.rejected, kind === 'refusing' ? count : 0)
        assert.ok(aheadMax <= 100, `${aheadMax} records waited`)
      })
    }

    test('a full disk is DISK_FULL', { skip: !existsSync('/dev/full') }, async () => {
      const running = await start(rejecting('refusing', 10, '/dev/full'), { workers })
      const error = await failure(running.done)
      assert.equal(error.code, 'DISK_FULL')
      assert.match(error.message, /no room left for the dead-letter file \/dev\/full/)
    })

    test('a dead-letter file that cannot be written ends the run with its path', async () => {
      const file = join(folder, 'missing', 'dead.jsonl')
      const error = await failure((await start(rejecting('refusing', 10, file), { workers })).done)
      assert.equal(error.code, 'FILE_NOT_WRITABLE')
      assert.equal(error.place.file, file)
    })

    test('a rejected message that JSON cannot hold is written as text', async () => {
      const file = join(folder, `cyclic-${workers}.jsonl`)
      const network = {
        deadLetter: file,
        components: {
          numbers: { kind: 'generator', config: { count: 2 } },
          boxes: { kind: `${kinds}#boxes` },
          work: { kind: `${kinds}#selfish`, errors: 'reject' },
        },
        connections: [
          { from: 'numbers.out', to: 'boxes.in' },
          { from: 'boxes.out', to: 'work.in' },
        ],
      }
      const { rejected } = await (await start(network, { workers })).done
      assert.equal(rejected, 2)
      const [first] = (await readFile(file, 'utf8')).trim().split('\n')
      const { message, error } = JSON.parse(first!) as { message: string; error: { message: string } }
      assert.match(message, /Circular/)
      assert.equal(error.message, 'refused')
    })

    test('a rejected message that cannot leave its thread reaches a remote error port as text', async () => {
      const network = {
        components: {
          numbers: { kind: 'generator', config: { count: 2 } },
          boxes: { kind: `${kinds}#boxes` },
          work: { kind: `${kinds}#selfish`, errors: 'reject' },
        },
        connections: [
          { from: 'numbers.out', to: 'boxes.in' },
          { from: 'boxes.out', to: 'work.in' },
        ],
        exports: { outputs: { errors: 'work.error' } },
      }
      const running = await start(network, { workers, attach: ['errors'] })
      const messages: unknown[] = []
      for await (const record of running.output('errors'))
        messages.push((record as { message: unknown }).message)
      await running.done
      assert.equal(messages.length, 2)
      if (workers > 0) assert.match(String(messages[0]), /Circular/)
    })

    test('what the listener of a run throws is its own fault', async () => {
      for (const type of ['started', 'log', 'rejected']) {
        const kind = type === 'log' ? 'chatty' : 'refusing'
        const network = rejecting(kind, 5, join(folder, `listener-${workers}.jsonl`))
        const options: RunOptions = {
          workers,
          onEvent(event) {
            if (event.type === type) throw new Error('deaf')
          },
        }
        const error = await failure(start(network, options).then((running) => running.done))
        assert.equal(error.code, 'LISTENER_FAILED')
        assert.match(error.message, new RegExp(`of type "${type}": deaf`))
      }
    })

    test('hooks see constants, and a constant has the state of the key that chose its instance', async () => {
      const notes = join(folder, `notes-${workers}.txt`)
      process.env['VERTIGO_TEST_NOTES'] = notes
      const hooks = fileURLToPath(new URL('../fixtures/run/hooks.ts', import.meta.url))
      const network = {
        components: {
          a: { kind: 'generator', config: { count: 0 } },
          b: { kind: 'generator', config: { count: 0 } },
          keys: { kind: `${kinds}#keys`, hooks: [hooks], instances: 2 },
        },
        connections: [
          { from: 'a.out', to: 'keys.in', selector: { type: 'hash', key: 'first' } },
          { from: 'b.out', to: 'keys.in', selector: { type: 'hash', key: 'second' } },
        ],
        initial: [{ to: 'keys.in', value: { first: 'x', second: 'y' } }],
        exports: { outputs: { out: 'keys.out' } },
      }
      const running = await start(network, { workers, attach: ['out'] })
      const keys: unknown[] = []
      for await (const key of running.output('out')) keys.push(key)
      await running.done
      assert.deepEqual(keys, ['x'])
      assert.match(await readFile(notes, 'utf8'), /^receive \[object Object\]$/m)
    })
  })
}

test('names that objects have by nature are names like any other', async () => {
  const network = {
    components: { relay: { kind: `${kinds}#relay` } },
    connections: [],
    exports: { inputs: { toString: 'relay.in' }, outputs: { valueOf: 'relay.out' } },
  }
  const unknown = await failure(start(network, { workers: 0, attach: ['constructor'] }))
  assert.equal(unknown.code, 'PORT_UNKNOWN')
  const running = await start(network, { workers: 0, attach: ['toString', 'valueOf'] })
  await running.send('toString', 1)
  running.endInput('toString')
  const got: unknown[] = []
  for await (const message of running.output('valueOf')) got.push(message)
  assert.deepEqual(got, [1])
  const set = [{ path: ['constructor', 'config', 'a'], value: 1 }]
  assert.equal((await failure(start(network, { workers: 0, set }))).code, 'COMPONENT_UNKNOWN')
})
