/**
 * The built-in kinds by their names, each loaded when it is asked for: a network uses few of them, and a command has to be
 * ready before its user notices. Worker threads import this module too.
 */
import type { CodeBridgeOfRun } from './connectors/code/bridge.ts'
import type { Kind } from './component/kind.ts'

type KindLoader = () => Promise<Kind>

const loaders: Readonly<Record<string, KindLoader>> = {
  answer: async () => (await import('./operators/answer.ts')).answerKind,
  'client-input': async () => (await import('./connectors/client/input.ts')).clientInputKind,
  'client-output': async () => (await import('./connectors/client/output.ts')).clientOutputKind,
  'collection-sink': async () => (await import('./connectors/collection-sink.ts')).collectionSink,
  collector: async () => (await import('./connectors/code/collector.ts')).collectorKind,
  counter: async () => (await import('./operators/counter.ts')).counterKind,
  feeder: async () => (await import('./connectors/code/feeder.ts')).feederKind,
  'file-lines': async () => (await import('./connectors/file/lines.ts')).fileLines,
  'file-receiver': async () => (await import('./connectors/file/receiver.ts')).fileReceiver,
  'file-sender': async () => (await import('./connectors/file/sender.ts')).fileSender,
  'file-sink': async () => (await import('./connectors/file/sink.ts')).fileSink,
  filter: async () => (await import('./operators/functions.ts')).filterKind,
  'flat-map': async () => (await import('./operators/functions.ts')).flatMapKind,
  generator: async () => (await import('./connectors/generate/generator.ts')).generator,
  'http-intake': async () => (await import('./connectors/http/intake.ts')).httpIntake,
  'http-sink': async () => (await import('./connectors/http-sink.ts')).httpSink,
  interval: async () => (await import('./connectors/generate/interval.ts')).interval,
  'kafka-sink': async () => (await import('./connectors/kafka/sink.ts')).kafkaSink,
  'kafka-source': async () => (await import('./connectors/kafka/source.ts')).kafkaSource,
  log: async () => (await import('./connectors/log.ts')).log,
  map: async () => (await import('./operators/functions.ts')).mapKind,
  'nats-source': async () => (await import('./connectors/nats/source.ts')).natsSource,
  'postgres-sink': async () => (await import('./connectors/postgres/sink.ts')).postgresSink,
  'postgres-source': async () => (await import('./connectors/postgres/source.ts')).postgresSource,
  'record-generator': async () => (await import('./connectors/generate/generator.ts')).recordGenerator,
  'split-words': async () => (await import('./operators/split-words.ts')).splitWords,
  stdin: async () => (await import('./connectors/standard-streams/stdin.ts')).stdin,
  stdout: async () => (await import('./connectors/standard-streams/stdout.ts')).stdout,
  take: async () => (await import('./operators/take.ts')).takeKind,
  tap: async () => (await import('./operators/functions.ts')).tapKind,
  throttle: async () => (await import('./operators/throttle.ts')).throttleKind,
}

export const builtInNames: readonly string[] = Object.keys(loaders)

/** Those that people write in networks. */
export const writtenNames: readonly string[] = builtInNames.filter((name) => !name.startsWith('client-'))

/** The built-in kind of this name; undefined where there is none. */
export async function builtInKind(name: string): Promise<Kind | undefined> {
  return Object.hasOwn(loaders, name) ? loaders[name]!() : undefined
}

/** The queues between `feeder`, `collector` and the code that starts a run: one bridge for each run. */
export async function createBridge(): Promise<CodeBridgeOfRun> {
  const { makeBridge } = await import('./connectors/code/bridge.ts')
  return makeBridge()
}
