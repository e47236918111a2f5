/** NATS JetStream: a source that reads a stream. Needs the packages `@nats-io/transport-node` and `@nats-io/jetstream`. */
export { natsSource } from './source.ts'
export type { NatsMessage } from './source-config.ts'
