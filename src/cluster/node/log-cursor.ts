import { VertigoError } from '../../base/errors.ts'
import { asNodeId, type NodeId } from '../protocol/index.ts'
import type { LogPosition } from './log-ring.ts'

/** Where a reader stands in the log of each node, as one text: `n1=4f2a-1.17,n2=...`. */
export type LogCursor = ReadonlyMap<NodeId, LogPosition>

export function cursorText(cursor: LogCursor): string {
  return [...cursor]
    .map(([node, { epoch, number }]) => `${encodeURIComponent(node)}=${epoch}.${number}`)
    .join(',')
}

/** Errors: API_REQUEST_INVALID. */
export function parseCursor(text: string): Map<NodeId, LogPosition> {
  const cursor = new Map<NodeId, LogPosition>()
  for (const part of text === '' ? [] : text.split(',')) {
    const found = /^([^=]+)=([\w-]{1,64})\.(\d{1,15})$/.exec(part)
    const node = found === null ? undefined : decoded(found[1]!)
    if (found === null || node === undefined)
      throw new VertigoError('API_REQUEST_INVALID', 'What is to come next in the log is no place in it.')
    cursor.set(asNodeId(node), { epoch: found[2]!, number: Number(found[3]) })
  }
  return cursor
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
