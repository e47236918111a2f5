import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogRecord } from '../../../src/component/context.ts'
import { logsTakenStep, LogWindow } from '../../../src/run/log-window.ts'

const record: LogRecord = { level: 'info', message: 'm', component: 'a', instance: 0, timeMs: 0 }

test('what is logged faster than it is taken is left out and counted; each record is either', () => {
  let posted = 0
  let left = 0
  const logs = new LogWindow(
    () => posted++,
    (count) => (left += count),
  )
  for (let i = 0; i < 10_000; i++) logs.add(record)
  const window = posted
  assert.ok(window >= logsTakenStep && window <= 1000, `${window} records on their way`)
  assert.equal(left, 0, 'told when there is room again')
  logs.taken()
  assert.equal(left, 10_000 - window)
  for (let i = 0; i < 10_000; i++) logs.add(record)
  assert.equal(posted, window + logsTakenStep)
  logs.tell()
  logs.tell()
  assert.equal(posted + left, 20_000)
})
