import type { VertigoError } from '../../base/errors.ts'
import type { Logger } from '../../component/context.ts'
import type { Sink, SinkSnapshot } from '../../component/sink.ts'
import type { InstanceHost } from '../host.ts'
import { InstanceSink, type RestoredSinks, type SinkOwner } from './instance-sink.ts'
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
  readonly discardedSinks: (() => Promise<RestoredSinksOf>) | undefined
  readonly received: number
  readonly wasOver: boolean
  fail(error: unknown): void
  wake(): void
}

type Host = Pick<InstanceHost, 'clock' | 'inSlices' | 'mayAct' | 'writerOf'>

/**
 * The sink of an instance. It is ready when `recovered` is fulfilled: what it goes on from, or has left before it began afresh, is published
 * then.
 */
export function openSink(
  sink: Sink,
  instance: Owner,
  host: Host,
): { readonly sink: InstanceSink; readonly recovered: Promise<void> } {
  const opened = new InstanceSink(sink, instance.writer, ownerOf(instance, host))
  const { restoredSinks, wasOver } = instance
  if (restoredSinks !== undefined) sink.restored?.(restoredSinks.snapshot, wasOver)
  return { sink: opened, recovered: recover(opened, instance, host) }
}

async function recover(opened: InstanceSink, instance: Owner, host: Host): Promise<void> {
  const { restoredSinks, discardedSinks, identity } = instance
  const named = ({ sinks, ...from }: RestoredSinksOf): RestoredSinks => ({
    ...from,
    writers: sinks.map(({ instance: number, ...left }) => ({
      writer: host.writerOf(identity.component, number),
      ...left,
    })),
  })
  if (discardedSinks !== undefined) await opened.discard(async () => named(await discardedSinks()))
  else if (restoredSinks !== undefined) await opened.recover(named(restoredSinks))
}

function ownerOf(instance: Owner, { clock, inSlices, mayAct }: Host): SinkOwner {
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
    inSlices,
  }
}
