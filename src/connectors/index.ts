/** The built-in sources and sinks. Their only ports are called `in` and `out`. */
import type { Kind } from '../component/index.ts'
import { collectionSink } from './collection-sink.ts'
import { collectorKind } from './code/collector.ts'
import { feederKind } from './code/feeder.ts'
import { fileLines } from './file/lines.ts'
import { fileReceiver } from './file/receiver.ts'
import { fileSender } from './file/sender.ts'
import { fileSink } from './file/sink.ts'
import { generator, recordGenerator } from './generate/generator.ts'
import { httpIntake } from './http/intake.ts'
import { interval } from './generate/interval.ts'
import { httpSink } from './http-sink.ts'
import { kafkaSink } from './kafka/sink.ts'
import { kafkaSource } from './kafka/source.ts'
import { log } from './log.ts'
import { natsSource } from './nats/source.ts'
import { postgresSink } from './postgres/sink.ts'
import { postgresSource } from './postgres/source.ts'
import { stdin } from './standard-streams/stdin.ts'
import { stdout } from './standard-streams/stdout.ts'

export { type CodeBridge, codeBridge } from './code-bridge.ts'
export { collectionSink } from './collection-sink.ts'
export { type Collector, collector, collectorKind } from './code/collector.ts'
export { type CollectorOptions, CollectorQueue } from './code/collector-queue.ts'
export {
  type Feeder,
  feeder,
  feederKind,
  type TrackingFeeder,
  type TrackingFeederOptions,
} from './code/feeder.ts'
export type { RequestOptions } from './code/asked.ts'
export { type FeederOptions, FeederQueue } from './code/feeder-queue.ts'
export { fileLines } from './file/lines.ts'
export { type ReceivedFile, fileReceiver } from './file/receiver.ts'
export { type FileEnd, type FileStart, fileSender } from './file/sender.ts'
export { fileSink } from './file/sink.ts'
export { generator, recordGenerator } from './generate/generator.ts'
export { httpIntake } from './http/intake.ts'
export { type Tick, interval } from './generate/interval.ts'
export { httpSink } from './http-sink.ts'
export { kafkaSink } from './kafka/sink.ts'
export { kafkaSource } from './kafka/source.ts'
export type { KafkaMessage } from './kafka/source-config.ts'
export { log } from './log.ts'
export { natsSource } from './nats/source.ts'
export type { NatsMessage } from './nats/source-config.ts'
export { postgresSink } from './postgres/sink.ts'
export { type PostgresRow, postgresSource } from './postgres/source.ts'
export { stdin } from './standard-streams/stdin.ts'
export { stdout } from './standard-streams/stdout.ts'

/** By the names that networks in files use. */
export const connectorKinds: Readonly<Record<string, Kind>> = {
  'collection-sink': collectionSink,
  collector: collectorKind,
  feeder: feederKind,
  'file-lines': fileLines,
  'file-receiver': fileReceiver,
  'file-sender': fileSender,
  'file-sink': fileSink,
  generator,
  'http-intake': httpIntake,
  'http-sink': httpSink,
  interval,
  'kafka-sink': kafkaSink,
  'kafka-source': kafkaSource,
  log,
  'nats-source': natsSource,
  'postgres-sink': postgresSink,
  'postgres-source': postgresSource,
  'record-generator': recordGenerator,
  stdin,
  stdout,
}
