import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Attempt } from '../../../../src/store/etcd/attempt.ts'
import { CallMetadata } from '../../../../src/store/etcd/call-metadata.ts'
import { Deadline } from '../../../../src/store/etcd/deadline.ts'
import { DueTimes } from '../../../../src/store/etcd/due-times.ts'
import type { Endpoint } from '../../../../src/store/etcd/endpoint.ts'
import { AttemptFailed } from '../../../../src/store/etcd/failure.ts'
import { Patience } from '../../../../src/store/etcd/patience.ts'
import { methods, type RangeRequest, type RangeResponse } from '../../../../src/store/etcd/protocol.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'

test('an attempt of a call whose signal is aborted already is not sent, and ends', async () => {
  const clock = new TestClock()
  const means = { clock, dueTimes: new DueTimes(clock), patience: new Patience(1) }
  const endpoint = { unary: () => assert.fail('it was sent') } as unknown as Endpoint
  const deadline = new Deadline(clock, { signal: AbortSignal.abort(new Error('enough')) })
  const ended = new Promise<RangeResponse>((resolve, reject) => {
    const request = { key: new Uint8Array([1]) }
    new Attempt<RangeRequest, RangeResponse>(means, endpoint, 1_000, deadline, resolve, reject).send(
      methods.range,
      request,
      new CallMetadata(),
    )
  })
  await assert.rejects(ended, (error) => error instanceof AttemptFailed && /its signal/.test(error.message))
})
