import assert from 'node:assert/strict'
import { readStatus } from '../../src/base/process-status.ts'

const patienceMs = 10_000

/**
 * Until a process that was sent SIGSTOP stands still. On a busy machine that is some milliseconds after the signal: its threads run on until
 * one of them has its turn to take it.
 */
export function untilStopped(pid: number | undefined): void {
  if (pid === undefined) return
  const endMs = performance.now() + patienceMs
  const beat = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    const state = readStatus(pid)?.state
    // It has ended, or this is not Linux.
    if (state === undefined || state === 'T' || state === 'Z') return
    assert.ok(performance.now() < endMs, `process ${pid} does not stop`)
    Atomics.wait(beat, 0, 0, 1)
  }
}
