import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { tcpDial } from '../../../src/transport/tcp/dial.ts'
import { eventually } from '../../support/eventually.ts'
import { dialler, has, makeEnd, waiter } from './socket-pair.ts'

test('a process that is stopped is told as unreachable, and goes on where it stopped when it continues', async () => {
  const child = fork(new URL('echo-process.ts', import.meta.url))
  const [port] = (await once(child, 'message')) as [number]
  const near = makeEnd(dialler, waiter, { limits: { linkLossMs: 600 } }, tcpDial({ host: '127.0.0.1', port }))
  try {
    const got: number[] = []
    near.link.receive((frame) => got.push(Buffer.from(frame).readUInt32LE()))
    let next = 0
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const frame = Buffer.alloc(5_000)
        frame.writeUInt32LE(next++)
        near.link.send(frame)
      }
    }
    send(10)
    await eventually('10 frames come back', () => got.length === 10)
    child.kill('SIGSTOP')
    send(100)
    await eventually('unreachable is told', () => has(near, 'unreachable'))
    send(100)
    child.kill('SIGCONT')
    await eventually('all frames come back', () => got.length >= next)
    assert.deepEqual(
      got,
      Array.from({ length: next }, (_, index) => index),
    )
    assert.deepEqual(
      near.events.map(({ type }) => type),
      ['reachable', 'unreachable', 'reachable'],
    )
    // Nothing is given up for a process that is killed, but it is told.
    child.kill('SIGKILL')
    await once(child, 'exit')
    const after = near.events.length
    await eventually('unreachable is told again', () => near.events.length > after)
    assert.equal(near.events.at(-1)!.type, 'unreachable')
  } finally {
    near.endpoint.close()
    child.kill('SIGKILL')
  }
})
