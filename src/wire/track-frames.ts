import { VertigoError } from '../base/errors.ts'
import { readInt32, readUint32, writeUint32 } from './numbers.ts'
import { MessageCodec } from './message-codec.ts'

/**
 * What is said about the trees of tracked messages, against the direction of messages: to the worker whose sources track.
 * Little-endian, as in `frame.ts`.
 *
 * | bytes | parts of tokens that come back | news of one tree |
 * | --- | --- | --- |
 * | 0 | type 7 | type 13 |
 * | 1- | worker that it is for (4 bytes) | the same |
 * | 5 | hops that it may still take | the same |
 * | 6- | entries of 16 bytes: the tree (two numbers), the part (two) | the tree (two numbers), then what is said, by the message codec |
 *
 * They go by the links that there are: a worker without a link to the one that they are for hands them to the one that the
 * tree's messages come from.
 */

export const typeTrackReports = 7
export const typeTreeNews = 13
const headBytes = 6
const newsHeadBytes = headBytes + 8
/** Numbers of an entry: the tree, its stamp, the part. */
export const reportNumbers = 4
const entryBytes = reportNumbers * 4
/** Entries in a frame. More go in several. */
export const reportEntriesMax = 4096

/** No network has a chain of more workers; what goes round in a circle ends there. */
export const trackHopsMax = 255

export interface TrackReportsFrame {
  readonly type: 'track-reports'
  readonly worker: number
  readonly hops: number
  /** Fours of tree, stamp, and the two halves of the part. */
  readonly entries: Int32Array
}

export interface TreeNewsFrame {
  readonly type: 'tree-news'
  readonly worker: number
  readonly hops: number
  readonly tree: number
  readonly stamp: number
  /** What it holds is the receiver's to know. */
  readonly news: unknown
}

export type TrackFrame = TrackReportsFrame | TreeNewsFrame

const codec = new MessageCodec()

/** Whether the codec keeps it. */
export function isNewsEncodable(news: unknown): boolean {
  return codec.fault([news]) === undefined
}

export function encodeTrackFrame(frame: TrackFrame): Uint8Array {
  return frame.type === 'track-reports' ? encodeReports(frame) : encodeNews(frame)
}

function encodeReports({ worker, hops, entries }: TrackReportsFrame): Uint8Array {
  const frame = new Uint8Array(headBytes + entries.length * 4)
  writeHead(frame, typeTrackReports, worker, hops)
  for (let i = 0; i < entries.length; i++) writeUint32(frame, headBytes + i * 4, entries[i]! >>> 0)
  return frame
}

function encodeNews({ worker, hops, tree, stamp, news }: TreeNewsFrame): Uint8Array {
  const frame = new Uint8Array(codec.encode([news], newsHeadBytes))
  writeHead(frame, typeTreeNews, worker, hops)
  writeUint32(frame, headBytes, tree >>> 0)
  writeUint32(frame, headBytes + 4, stamp >>> 0)
  return frame
}

function writeHead(frame: Uint8Array, type: number, worker: number, hops: number): void {
  frame[0] = type
  writeUint32(frame, 1, worker)
  frame[5] = hops
}

/** Errors: FRAME_INVALID. */
export function decodeTrackFrame(frame: Uint8Array): TrackFrame {
  const isReports = frame[0] === typeTrackReports
  const isWhole = isReports
    ? frame.length >= headBytes && (frame.length - headBytes) % entryBytes === 0
    : frame.length > newsHeadBytes
  if (!isWhole) throw invalid(`a frame of ${frame.length} bytes about tracked messages is not whole`)
  const worker = readUint32(frame, 1)
  const hops = frame[5]!
  if (isReports) {
    const entries = new Int32Array((frame.length - headBytes) / 4)
    for (let i = 0; i < entries.length; i++) entries[i] = readInt32(frame, headBytes + i * 4)
    return { type: 'track-reports', worker, hops, entries }
  }
  const tree = readInt32(frame, headBytes)
  const stamp = readInt32(frame, headBytes + 4)
  return { type: 'tree-news', worker, hops, tree, stamp, news: decodeNews(frame.subarray(newsHeadBytes)) }
}

function decodeNews(bytes: Uint8Array): unknown {
  let news: unknown
  try {
    news = codec.decode(bytes)
  } catch (error) {
    throw new VertigoError('FRAME_INVALID', 'a frame about a tracked message cannot be decoded', {
      cause: error,
    })
  }
  if (!Array.isArray(news) || news.length !== 1) throw invalid('a frame about a tracked message says nothing')
  return news[0]
}

function invalid(message: string): VertigoError {
  return new VertigoError('FRAME_INVALID', message)
}
