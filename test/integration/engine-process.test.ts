import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { beginEngine, dropEngine, takeEngine } from '../../src/cli/run/engine-process.ts'
import { eventually } from '../support/eventually.ts'

interface Report {
  readonly type: string
  readonly error?: { readonly code: string }
}

function taken(t: TestContext, output: 1 | 2): ChildProcess {
  const child = takeEngine(output)
  t.after(() => child.kill('SIGKILL'))
  child.stderr?.resume()
  return child
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Begun for these arguments of the command. */
function begun(t: TestContext, ...args: readonly string[]): ChildProcess {
  const child = beginEngine(args)
  assert.ok(child?.pid !== undefined, args.join(' '))
  t.after(() => child.kill('SIGKILL'))
  return child
}

test('EP-1 a process that was begun early waits for what it is to run', async (t) => {
  const child = begun(t, 'run', 'none.yaml', '--json')
  assert.equal(taken(t, 2), child)
  // Its first sign of life, and not a word about a network.
  const [first] = (await once(child, 'message')) as [Report]
  assert.equal(first.type, 'status')
  const reports: Report[] = []
  child.on('message', (report: Report) => reports.push(report))
  child.send({ network: join(import.meta.dirname, 'none.yaml'), options: {} })
  await once(child, 'exit')
  const failures = reports.filter(({ type }) => type !== 'status')
  assert.deepEqual(
    failures.map(({ error }) => error?.code),
    ['NETWORK_NOT_FOUND'],
  )
})

test('EP-2 a process that nobody takes is ended', async (t) => {
  const child = begun(t, 'run', 'none.yaml')
  const ended = once(child, 'exit')
  dropEngine()
  await ended
  assert.notEqual(taken(t, 1), child)
})

test('EP-2 a process that nobody takes ends when the command is killed', async () => {
  const command = spawn(
    process.execPath,
    ['--conditions=vertigo-src', join(import.meta.dirname, '../fixtures/begin-engine.ts')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [text] = (await once(command.stdout.setEncoding('utf8'), 'data')) as [string]
  const pid = Number(text)
  assert.ok(pid > 0, text)
  await eventually(`process ${pid} ends`, () => !lives(pid))
})

test('EP-3 nobody takes a process that has ended', async (t) => {
  const child = begun(t, 'run', 'none.yaml')
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.notEqual(taken(t, 1), child)
})

test('EP-3 a process whose output goes elsewhere is ended', async (t) => {
  const child = begun(t, 'run', 'none.yaml', '--set', '--json')
  const ended = once(child, 'exit')
  assert.notEqual(taken(t, 1), child)
  await ended
})

test('no process is begun for help, for what runs in this process, and for other commands', () => {
  for (const args of [
    ['run', '--help'],
    ['run', 'a.yaml', '--workers', '0'],
    ['run', 'a.yaml', '--workers=0'],
    ['validate', 'a.yaml'],
    [],
  ])
    assert.equal(beginEngine(args), undefined, args.join(' '))
})
