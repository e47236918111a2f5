import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DrainWatch } from '../../../src/cli/run/drain-watch.ts'
import type { InstanceStatus } from '../../../src/run/types.ts'

function instance(component: string, received: number, isFinished = false): InstanceStatus {
  return {
    component,
    instance: 0,
    worker: 1,
    received,
    sent: 0,
    queued: 0,
    rejected: 0,
    isBlocked: false,
    isFinished,
  }
}

test('who has not finished is named once nothing has moved for a while, and only while draining', () => {
  const watch = new DrainWatch()
  const at = (work: number): { readonly instances: readonly InstanceStatus[] } => ({
    instances: [instance('source', 9, true), instance('work', work)],
  })
  assert.equal(watch.look(at(1), 0), undefined)
  assert.equal(watch.look(at(1), 60_000), undefined)
  watch.begin()
  assert.equal(watch.look(at(1), 60_000), undefined)
  assert.equal(watch.look(at(2), 64_000), undefined)
  assert.equal(watch.look(at(2), 68_000), undefined)
  assert.match(watch.look(at(2), 69_000) ?? '', /5 s while draining; not finished: work\[0\];/)
  assert.equal(watch.look(at(2), 90_000), undefined)
  assert.equal(watch.look(at(3), 91_000), undefined)
  assert.match(watch.look(at(3), 96_000) ?? '', /work\[0\]/)
})
