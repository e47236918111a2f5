import * as v from 'valibot'
import { configObject, text, wholeNumber } from '../../component/built-in-config.ts'
import { builtInKind, defineSource, type PollResult, port } from '../../component/index.ts'
import { IntakeQueue } from './intake-queue.ts'
import { IntakeServer } from './intake-server.ts'

const config = configObject({
  /** 0: any that is free; the log says which. */
  port: wholeNumber(0, 65_535),
  /** Default 127.0.0.1: this machine only. With another one, whoever reaches it can send, unless there is a `token`. */
  host: v.optional(text(), '127.0.0.1'),
  /** Where messages are taken. Default `/`. */
  path: v.optional(v.pipe(text(), v.startsWith('/', 'must begin with "/"')), '/'),
  /** That requests have to bring (`authorization: Bearer ...`); best as a secret. Default: none. */
  token: v.optional(text()),
  /** Largest body. Default 1 MiB. */
  bodyBytesMax: v.optional(wholeNumber(1, 64 * 1024 * 1024), 1024 * 1024),
  /** Messages of one body. Default and at most 1000: as many are kept whole or not at all. */
  batchMessagesMax: v.optional(wholeNumber(1, 1000), 1000),
  /** Messages that wait; above that, requests are answered by 429. Default 10,000. */
  queueMessagesMax: v.optional(wholeNumber(1, 1_000_000), 10_000),
  /** Bytes of bodies that arrive or wait. Default 64 MiB. */
  queueBytesMax: v.optional(wholeNumber(1), 64 * 1024 * 1024),
  /** How long messages may wait to be taken, in milliseconds, before they are refused by 503. Default 10,000. */
  timeoutMs: v.optional(wholeNumber(1, 600_000), 10_000),
})

/**
 * Source `http-intake`: the messages of requests. `POST` takes one message (`application/json`) or one a line (`application/x-ndjson`), and
 * answers 200 when they are in the network; where that loses nothing, when they are on the disk: a client that has got the answer need not
 * send again, and one that has not may have to.
 *
 * Answers 429 or 503, with `retry-after`, where nothing of the request was taken, and 504 where that is not known. Each copy listens for
 * itself. Web pages are refused.
 *
 * Errors: INTAKE_ADDRESS_UNFIT.
 */
export const httpIntake = builtInKind(
  'http-intake',
  defineSource({
    description: 'Messages that come as HTTP requests: JSON, one or one a line.',
    outputs: { out: port() },
    config,
    setup({ component, config: options, clock, log }) {
      const { port: number, host, path, token, bodyBytesMax, batchMessagesMax } = options
      const queue = new IntakeQueue(clock, options)
      const server = new IntakeServer({
        component,
        clock,
        log,
        queue,
        limits: { bodyBytesMax, batchMessagesMax },
        address: { host, port: number, path },
        token,
      })
      let listening: Promise<void> | undefined
      return {
        poll(max, { emit, kept }): PollResult | Promise<PollResult> {
          // Not in `setup`: where a network goes on from a snapshot, the copy before listens until this one runs.
          if (listening !== undefined) return queue.poll(max, emit.out, kept)
          listening = server.listen()
          return listening.then(() => 'more' as const)
        },
        drain() {
          queue.drain()
          server.drain()
        },
        close() {
          queue.close()
          server.close()
        },
      }
    },
  }),
)
