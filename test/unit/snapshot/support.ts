import {
  encodeState,
  decodeState,
  type StateChunk,
  type StateEntry,
  type StateFile,
  type StateHead,
} from '../../../src/snapshot/state-file.ts'

export const head = (kind: 'full' | 'increment'): StateHead => ({
  network: 'words',
  incarnation: 1,
  generation: 3,
  component: 'count',
  instance: 2,
  kind,
})

export async function bytesOf(kind: 'full' | 'increment', chunks: readonly StateChunk[]): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of encodeState(head(kind), chunks)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Read in pieces that fit nothing. */
export function fileOf(content: Uint8Array, pieceBytes = 1_000): Promise<StateFile> {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes)
  }
  return decodeState('a-file', pieces())
}

export interface PlainEntry {
  readonly section: number
  readonly kind: StateEntry['kind']
  readonly key: string
  readonly parts: readonly string[]
}

export function chunksOf(entries: readonly PlainEntry[]): StateChunk[] {
  const sections = [...new Set(entries.map(({ section }) => section))].toSorted((a, b) => a - b)
  return sections.map((section) => ({
    section,
    entries: entries
      .filter((entry) => entry.section === section)
      .map(({ kind, key, parts }) => ({
        kind,
        key: Buffer.from(key),
        parts: parts.map((part) => Buffer.from(part)),
      })),
  }))
}

export async function plainEntries(
  chunks: AsyncIterable<StateChunk> | Iterable<StateChunk>,
): Promise<PlainEntry[]> {
  const plain: PlainEntry[] = []
  for await (const { section, entries } of chunks)
    for (const { kind, key, parts } of entries)
      plain.push({
        section,
        kind,
        key: Buffer.from(key).toString(),
        parts: parts.map((part) => Buffer.from(part).toString()),
      })
  return plain
}

/** Of an instance in a manifest: nothing that matters here. */
export const whole = { instances: 3, isFinished: false, hasChannelState: false } as const
