import { Buffer } from 'node:buffer'
import { VertigoError } from '../../base/errors.ts'
import type { SourcePositions } from '../../component/define.ts'
import type { KeptOutcome } from '../../component/tracking.ts'
import type { SinkSnapshot } from '../../component/sink.ts'
import type { ChannelHash } from '../../messaging/input-channel.ts'
import type { SavedOpen } from '../../messaging/open-groups.ts'
import type { Control } from '../../messaging/parcel.ts'
import type { StateEntry } from '../../snapshot/state-file.ts'
import { readRow, writeRow } from '../../state/capture.ts'
import type { Entry } from '../../state/entries.ts'
import type { SavedTree } from '../tracking/saved-trees.ts'
import { MessageCodec } from '../../wire/message-codec.ts'

/**
 * What of an instance is no keyed state: small, and whole in each file (`instanceSection`). It is encoded at the cut, since what it
 * holds may change after it.
 */
export interface Saved {
  readonly instanceState: Entry | undefined
  readonly timers: readonly SavedTimer[]
  /** Of a source. */
  readonly positions: SourcePositions | undefined
  /** The positions are those of all instances, of which there were others. Never written. */
  readonly isUndealt?: boolean
  /** Ids of groups are not used twice. */
  readonly lastGroupId: number
  /** Groups and batches that it has open at its outputs. */
  readonly open: readonly SavedOpen[]
  readonly channels: readonly SavedChannel[]
  /** Of a source: the messages that it tracks, which are open. */
  readonly tracked: readonly SavedTree[]
  /** Of a source: what was told of messages that wanted answers, for those who ask again. */
  readonly answered: readonly KeptOutcome[]
  readonly sink: SavedSink | undefined
}

/** What belongs to a cut, and comes behind it. */
export type SavedLate = Partial<Pick<Saved, 'channels' | 'tracked'>>

/** What a sink has prepared and not published yet. */
export interface SavedSink {
  /** Its instance has handled all there was. It is not over before all is published. */
  readonly isOver: boolean
  /** The newest that is published. */
  readonly published: SinkSnapshot | undefined
  /** The first that this deployment's sink has prepared for. Undefined: files of before do not say it. */
  readonly since: SinkSnapshot | undefined
  /** As `StagedEncoder` writes them, in chunks; oldest first. */
  readonly pieces: readonly (readonly Uint8Array[])[]
}

export interface SavedTimer {
  readonly name: string
  readonly key: unknown
  /** Milliseconds since 1970. */
  readonly dueMs: number
}

/** An input channel: what is to be put into it before anything else comes. */
export interface SavedChannel {
  readonly name: string
  readonly port: string
  /** Needed where its sender is no more, and no connection says it. */
  readonly hash: ChannelHash | null
  readonly parcels: readonly SavedParcel[]
}

export interface SavedParcel {
  readonly items: readonly unknown[]
  readonly group: number
  readonly control: Control | null
}

export const nothingSaved: Saved = {
  instanceState: undefined,
  timers: [],
  positions: undefined,
  lastGroupId: 0,
  open: [],
  channels: [],
  tracked: [],
  answered: [],
  sink: undefined,
}

const codec = new MessageCodec()
const stateKey = 'state'
const timersKey = 'timers'
const positionsKey = 'positions'
const groupsKey = 'groups'
const trackedKey = 'tracked'
const answeredKey = 'answered'
/** Outcomes of a part, and characters of them. One by one, the 10,000 that a port may keep took 40 ms of each cut; in parts they take 10. */
const outcomesMax = 1_000
const outcomesLengthMax = 256 * 1024
const openKey = 'open'
const sinkKey = 'sink'
const stagedPrefix = 'staged/'
const channelPrefix = 'channel/'

/** Errors: STATE_NOT_ENCODABLE. */
export function encodeSaved(saved: Saved, place: string): StateEntry[] {
  const { instanceState, timers, positions, lastGroupId, open, channels, tracked, answered, sink } = saved
  const entries: StateEntry[] = []
  if (instanceState !== undefined) {
    check(instanceState.slots, 'its state', place)
    entries.push(entry(stateKey, [writeRow(instanceState)]))
  }
  if (timers.length > 0) entries.push(entry(timersKey, [encoded(timers, 'a timer', place)]))
  if (positions !== undefined) entries.push(entry(positionsKey, [encoded(positions, 'a position', place)]))
  if (lastGroupId > 0) entries.push(entry(groupsKey, [encoded(lastGroupId, 'a group', place)]))
  if (tracked.length > 0) entries.push(entry(trackedKey, [encoded(tracked, 'a tracked message', place)]))
  if (answered.length > 0) {
    const parts = inParts(answered).map((part) => encoded(part, 'an answer', place))
    entries.push(entry(answeredKey, parts))
  }
  if (open.length > 0) entries.push(entry(openKey, [encoded(open, 'an open group', place)]))
  if (sink !== undefined) {
    const { isOver, published, since, pieces } = sink
    const head = [isOver, published?.incarnation, published?.id, since?.incarnation, since?.id]
    const hasAny = isOver || published !== undefined || since !== undefined || pieces.length > 0
    if (hasAny) entries.push(entry(sinkKey, [encoded(head, 'a sink', place)]))
    // Each chunk by itself, so that none makes a piece of the file that is larger than others.
    for (const [piece, chunks] of pieces.entries())
      for (const [at, chunk] of chunks.entries())
        entries.push(entry(`${stagedPrefix}${piece}/${at}`, [chunk]))
  }
  for (const { name, port, hash, parcels } of channels) {
    const parts = [{ port, hash }, ...parcels].map((part) =>
      encoded(part, `what waits at port "${port}"`, place),
    )
    entries.push(entry(`${channelPrefix}${name}`, parts))
  }
  return entries
}

function inParts(outcomes: readonly KeptOutcome[]): KeptOutcome[][] {
  let part: KeptOutcome[] = []
  const parts = [part]
  let length = 0
  for (const outcome of outcomes) {
    if (part.length === outcomesMax || length >= outcomesLengthMax) {
      part = []
      parts.push(part)
      length = 0
    }
    part.push(outcome)
    length += outcome.text?.length ?? 0
  }
  return parts
}

/** The bytes have been verified. */
export function decodeSaved(entries: Iterable<StateEntry>): Saved {
  const channels: SavedChannel[] = []
  const staged: Uint8Array[][] = []
  const saved: { -readonly [K in keyof Saved]: Saved[K] } = { ...nothingSaved, channels }
  for (const { key, parts } of entries) {
    const name = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString()
    const values = (): unknown[] => parts.map((part) => codec.decode(part))
    if (name === stateKey) saved.instanceState = readRow(parts[0]!)
    else if (name === timersKey) saved.timers = values()[0] as readonly SavedTimer[]
    else if (name === positionsKey) saved.positions = values()[0] as SourcePositions
    else if (name === groupsKey) saved.lastGroupId = values()[0] as number
    else if (name === trackedKey) saved.tracked = values()[0] as readonly SavedTree[]
    // Up to format 2, each by itself.
    else if (name === answeredKey)
      saved.answered = (values() as (KeptOutcome | readonly KeptOutcome[])[]).flat()
    else if (name === openKey) saved.open = values()[0] as readonly SavedOpen[]
    else if (name === sinkKey) {
      const [head, ...whole] = parts
      const [isOver, ...numbers] = codec.decode(head!) as [boolean, ...(number | undefined)[]]
      const named = (at: number): SinkSnapshot | undefined =>
        numbers[at] === undefined ? undefined : { incarnation: numbers[at], id: numbers[at + 1]! }
      // Files of format 1 have the pieces here, each of one chunk, also where they were merged into one of a later format.
      staged.push(...whole.map((piece) => [piece]))
      saved.sink = { isOver, published: named(0), since: named(2), pieces: staged }
    } else if (name.startsWith(stagedPrefix)) {
      const piece = Number(name.slice(stagedPrefix.length).split('/')[0])
      ;(staged[piece] ??= []).push(parts[0]!)
    } else if (name.startsWith(channelPrefix)) {
      const [of, ...parcels] = values() as [Pick<SavedChannel, 'port' | 'hash'>, ...SavedParcel[]]
      channels.push({ name: name.slice(channelPrefix.length), ...of, parcels })
    }
  }
  return saved
}

function entry(name: string, parts: readonly Uint8Array[]): StateEntry {
  return { kind: 'put', key: Buffer.from(name), parts }
}

function encoded(value: unknown, what: string, place: string): Uint8Array {
  check([value], what, place)
  return new Uint8Array(codec.encode(value, 0))
}

function check(values: readonly unknown[], what: string, place: string): void {
  const found = codec.fault(values)
  if (found === undefined) return
  const { path, problem } = found.fault
  throw new VertigoError(
    'STATE_NOT_ENCODABLE',
    `state of ${place} cannot be written: of ${what}, ${path === '' ? 'it' : path} ${problem}`,
    { place: { component: place } },
  )
}
