/** Kafka: a source that reads the partitions of a topic, and a sink that writes in transactions. Needs the package `@platformatic/kafka`. */
export { kafkaSink } from './sink.ts'
export { kafkaSource } from './source.ts'
export type { KafkaMessage } from './source-config.ts'
