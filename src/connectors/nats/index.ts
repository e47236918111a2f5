/** NATS JetStream: a source that reads a stream. Needs the packages `@nats-io/transport-node` and `@nats-io/jetstream`. */
export { type NatsMessage, natsSource } from './source.ts'
