import { VertigoError } from '../../base/errors.ts'
import type { SinkSnapshot } from '../../component/sink.ts'
import { MessageCodec } from '../../wire/message-codec.ts'

/** What a sink has prepared for a snapshot. */
export interface Staged {
  readonly snapshot: SinkSnapshot
  readonly staged: unknown
}

const codec = new MessageCodec()

/** Errors: STATE_NOT_ENCODABLE. */
export function encodeStaged({ snapshot, staged }: Staged, place: string): Uint8Array {
  const found = codec.fault([staged])
  if (found !== undefined) {
    const { path, problem } = found.fault
    const text = `what the sink of ${place} has prepared cannot be written: ${path === '' ? 'it' : path} ${problem}`
    throw new VertigoError('STATE_NOT_ENCODABLE', text, { place: { component: place } })
  }
  return new Uint8Array(codec.encode([snapshot.incarnation, snapshot.id, staged], 0))
}

/** The bytes have been verified. */
export function decodeStaged(bytes: Uint8Array): Staged {
  const [incarnation, id, staged] = codec.decode(bytes) as [number, number, unknown]
  return { snapshot: { incarnation, id }, staged }
}
