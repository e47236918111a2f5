import * as v from 'valibot'
import { oneOf, text, wholeNumber } from '../../component/built-in-config.ts'
import { retryMsField, tlsField } from '../servers/config.ts'

const address = v.pipe(
  text(),
  v.regex(/^[^\s:]+:\d+$|^\[[0-9a-f:]+\]:\d+$|^\$\{/i, 'must be like `host:9092`'),
)

/** Fields that all kinds of Kafka share. */
export const serverFields = {
  /** Addresses of some brokers, `host:9092`; they tell of the others. */
  brokers: v.pipe(
    v.array(address, 'must be a list of addresses'),
    v.minLength(1, 'must name at least one broker'),
  ),
  /** Speaks TLS: true, or the texts of certificates (PEM), best as secrets: `${file:ca.pem}`. */
  tls: tlsField,
  /** How to log in: `{ mechanism: SCRAM-SHA-512, username: me, password: ${env:KAFKA_PASSWORD} }`. */
  sasl: v.optional(
    v.strictObject(
      {
        mechanism: oneOf('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'),
        username: text(),
        password: text(),
      },
      'must have `mechanism`, `username` and `password`, and nothing else',
    ),
  ),
  /** How long a broker may take to answer. Default 30000. */
  requestTimeoutMs: v.optional(wholeNumber(100, 600_000), 30_000),
  /** How long to try again while brokers do not answer. Default 60000. */
  retryMs: retryMsField,
}

const serverConfig = v.object(serverFields)
export type ServerConfig = v.InferOutput<typeof serverConfig>
