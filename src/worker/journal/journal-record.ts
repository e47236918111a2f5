import { Buffer } from 'node:buffer'
import { VertigoError } from '../../base/errors.ts'
import type { TrackedOptions } from '../../component/tracking.ts'
import { MessageCodec } from '../../wire/message-codec.ts'

/** Messages that a source has given, in the order in which it has. */
export interface Gathered {
  /** Names of ports; that of message `i` is `ports[portOf[i]]`, or the only one. */
  readonly ports: readonly string[]
  readonly portOf: readonly number[] | null
  readonly messages: readonly unknown[]
  /** Of those that are tracked: how. Null where none is. */
  readonly tracked: readonly (TrackedOptions | null)[] | null
}

/** A record of a source's journal. */
export type JournalRecord =
  | ({ readonly kind: 'messages' } & Gathered)
  /** The source has ended: nothing comes behind it. */
  | { readonly kind: 'end' }

const messagesKind = 1
const endKind = 2
/** As messages, with what is said of those that are tracked. */
const trackedKind = 3
const codec = new MessageCodec()

/** A view that the next call writes over. Errors: MESSAGE_NOT_ENCODABLE. */
export function encodeRecord(record: JournalRecord, place: string): Uint8Array {
  if (record.kind === 'end') return Uint8Array.of(endKind)
  const { ports, portOf, messages, tracked } = record
  let bytes: Uint8Array
  try {
    bytes = codec.encode([ports, portOf, messages, ...(tracked === null ? [] : [tracked])], 1)
  } catch (error) {
    throw unfit(messages, place) ?? error
  }
  bytes[0] = tracked === null ? messagesKind : trackedKind
  return bytes
}

/** What cannot be kept as it is: it would come out as something else. Errors: MESSAGE_NOT_ENCODABLE. */
export function checkMessages(messages: readonly unknown[], place: string): void {
  const fault = unfit(messages, place)
  if (fault !== undefined) throw fault
}

function unfit(messages: readonly unknown[], place: string): VertigoError | undefined {
  const found = codec.fault(messages)
  if (found === undefined) return undefined
  const { path, problem } = found.fault
  return new VertigoError(
    'MESSAGE_NOT_ENCODABLE',
    `a message of ${place} cannot be written to its journal: ${path === '' ? 'it' : path} ${problem}`,
    { place: { component: place } },
  )
}

/** The journal has verified the bytes. Errors: JOURNAL_FORMAT_NEWER. */
export function decodeRecord(bytes: Uint8Array, place: string): JournalRecord {
  const [kind] = bytes
  if (kind === endKind) return { kind: 'end' }
  if (kind !== messagesKind && kind !== trackedKind)
    throw new VertigoError(
      'JOURNAL_FORMAT_NEWER',
      `the journal of ${place} has a record of a kind that is not known: ${kind}`,
    )
  // The decoder gives views of what it reads, and the journal's buffers are its own.
  const body = Buffer.from(bytes.subarray(1))
  const [ports, portOf, messages, tracked = null] = codec.decode(body) as [
    string[],
    number[] | null,
    unknown[],
    (TrackedOptions | null)[]?,
  ]
  return { kind: 'messages', ports, portOf, messages, tracked }
}
