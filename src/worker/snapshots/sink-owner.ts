import type { VertigoError } from '../../base/errors.ts'
import type { Logger } from '../../component/context.ts'
import type { Sink, SinkSnapshot } from '../../component/sink.ts'
import type { InstanceHost } from '../host.ts'
import { InstanceSink, type SinkOwner } from './instance-sink.ts'
import type { RestoredSink } from './restore.ts'

/** What was prepared when the snapshot was taken, and had to be published. */
export interface RestoredSinksOf {
  readonly snapshot: SinkSnapshot
  readonly upTo: SinkSnapshot
  readonly sinks: readonly RestoredSink[]
}

interface Owner {
  readonly place: string
  readonly identity: { readonly component: string }
  readonly writer: string
  readonly logger: object
  readonly restoredSinks: RestoredSinksOf | undefined
  readonly wasOver: boolean
  readonly received: number
  fail(error: unknown): void
  wake(): void
}

type Host = Pick<InstanceHost, 'clock' | 'mayAct' | 'writerOf'>

/** The sink of an instance. It is ready when `recovered` is fulfilled: what it goes on from is published then. */
export function openSink(
  sink: Sink,
  instance: Owner,
  host: Host,
): { readonly sink: InstanceSink; readonly recovered: Promise<void> } {
  const opened = new InstanceSink(sink, instance.writer, ownerOf(instance, host))
  const { restoredSinks, identity } = instance
  if (restoredSinks === undefined) return { sink: opened, recovered: Promise.resolve() }
  sink.restored?.(restoredSinks.snapshot, instance.wasOver)
  const writers = restoredSinks.sinks.map(({ instance: number, ...left }) => ({
    writer: host.writerOf(identity.component, number),
    ...left,
  }))
  return { sink: opened, recovered: opened.recover({ ...restoredSinks, writers }) }
}

function ownerOf(instance: Owner, { clock, mayAct }: Host): SinkOwner {
  return {
    place: instance.place,
    clock,
    get received() {
      return instance.received
    },
    fail: (error) => instance.fail(error),
    warn: ({ code, message }: VertigoError) => (instance.logger as Logger).warn(`${code}: ${message}`),
    mayAct,
    wake: () => instance.wake(),
  }
}
