import { asError, VertigoError } from '../../base/errors.ts'
import type { ErrorCode } from '../../base/error-codes.ts'
import type { SinkSnapshot } from '../../component/sink.ts'

/** What is said of the sink of one instance; `place` is its name. */

type Of = readonly { readonly snapshot: SinkSnapshot }[]

function sinkError(code: ErrorCode, place: string, text: string, cause?: unknown): VertigoError {
  return new VertigoError(code, text, { cause, place: { component: place } })
}

export function ahead(place: string, writer: string, has: SinkSnapshot, from: SinkSnapshot): VertigoError {
  const what =
    has.incarnation === from.incarnation
      ? `snapshot ${has.id}, and the store goes on from ${from.id}`
      : `snapshot ${has.id} of incarnation ${has.incarnation}, and the store goes on from ${from.id} of ${from.incarnation}`
  return sinkError('SINK_AHEAD', place, `What ${place} writes to has ${writer} at ${what}.`)
}

export function notPublished(place: string, ms: number, error: unknown): VertigoError {
  const text = `${place} has not published for ${Math.round(ms / 1000)} s what is committed: ${asError(error).message}`
  return sinkError('SINK_COMMIT_FAILED', place, text, error)
}

export function late(place: string, error: unknown): VertigoError {
  const text = `${place} cannot publish what is committed, and tries again: ${asError(error).message}`
  return sinkError('SINK_LATE', place, text, error)
}

/** `messages`: how many came for these, of which not all need be among what was staged. */
export function unpublished(place: string, of: Of, messages: number): VertigoError {
  const text = `${place} was closed before it had published what it received for ${namesOf(of)}, ${messages} messages. It is in the snapshot, and is published when ${place} goes on from that.`
  return sinkError('SINK_UNPUBLISHED', place, text)
}

/** `of` undefined: nobody knows what there was. */
export function discarded(
  place: string,
  writer: string | undefined,
  of: Of | undefined,
  error: unknown,
): VertigoError {
  const what =
    of === undefined
      ? 'what its sink had left in the snapshot cannot be read'
      : `what ${writer} received for ${namesOf(of)} is committed, cannot be published`
  const text = `${place} begins afresh: ${what}, and is dropped. ${asError(error).message}`
  return sinkError('SINK_DISCARDED', place, text, error)
}

function namesOf(of: Of): string {
  const ids = of.map(({ snapshot }) => snapshot.id)
  return ids.length === 1 ? `snapshot ${ids[0]}` : `snapshots ${ids[0]} to ${ids.at(-1)}`
}
