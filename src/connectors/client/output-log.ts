import {
  type ClientPosition,
  comparePositions,
  firstPosition,
  positionOf,
  positionText,
} from '../../component/client-position.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/sink.ts'

/** What was received for one snapshot. A text is a message as JSON, or empty for one that cannot be given. */
export interface OutputPiece {
  readonly snapshot: SinkSnapshot
  readonly texts: readonly string[]
}

/** As a snapshot has it: long in a field of its own, of short items, so that it is encoded bit by bit (IS-7). */
export interface SavedLog {
  /** Those of one snapshot follow each other. */
  readonly pieces: readonly OutputPiece[]
  readonly floor: string
  readonly isFromBeginning: boolean
}

/** Of a saved piece, unless its only text has more: characters, with a few for each text. */
const savedLengthMax = 64 * 1024
const textOverhead = 8

interface Kept extends OutputPiece {
  readonly length: number
  /** Made once, for all snapshots that it is in. */
  readonly saved: readonly OutputPiece[]
  readonly sinceMs: number
}

/** Where somebody is in the log: the number of the piece, and of the next text in it. */
export interface LogPlace {
  piece: number
  text: number
}

export interface LogBounds {
  readonly keptMs: number
  readonly keptLength: number
}

/**
 * What an exported output has given of committed snapshots, for those who have not got it, or come back.
 *
 * - OG-1 Pieces come in the order of their snapshots; one that is known already is not taken again.
 * - OG-2 All that came behind `floor` is here, or comes yet. What is behind an older position may be gone.
 */
export class OutputLog {
  private pieces: Kept[] = []
  /** The number of the first. */
  private base = 0
  /** Characters. */
  length = 0
  private newest: ClientPosition | undefined
  /** Undefined: nothing is kept. */
  private keptFrom: ClientPosition | undefined
  /** The floor is where the component began: before any snapshot was known. */
  private isFromBeginning = false

  get end(): number {
    return this.base + this.pieces.length
  }

  /** OG-2 */
  get floor(): ClientPosition {
    return this.keptFrom ?? firstPosition
  }

  get isKept(): boolean {
    return this.keptFrom !== undefined
  }

  /** From here on, all is kept. */
  begin(floor: ClientPosition): void {
    if (this.keptFrom !== undefined) return
    this.keptFrom = floor
    this.isFromBeginning = comparePositions(floor, firstPosition) === 0
  }

  /** The snapshot is the first that is known: nothing of here was before it. */
  began({ incarnation, id }: SinkSnapshot): void {
    if (this.keptFrom === undefined || this.keptFrom.incarnation !== firstPosition.incarnation) return
    this.keptFrom = { incarnation, snapshot: id - 1, index: Infinity }
  }

  /** False for what is known (OG-1). */
  add({ snapshot, texts }: OutputPiece, nowMs: number): boolean {
    const position = behind(snapshot)
    if (this.newest !== undefined && comparePositions(position, this.newest) <= 0) return false
    this.newest = position
    if (texts.length === 0) return true
    let length = 0
    for (const text of texts) length += text.length
    this.pieces.push({ snapshot, texts, length, saved: divided(snapshot, texts), sinceMs: nowMs })
    this.length += length
    return true
  }

  piece(number: number): OutputPiece | undefined {
    return this.pieces[number - this.base]
  }

  /** Undefined where something of what came behind it is gone. */
  placeBehind(position: ClientPosition): LogPlace | undefined {
    const isOfBeginning = comparePositions(position, firstPosition) === 0
    const isKept = this.keptFrom !== undefined && comparePositions(position, this.keptFrom) >= 0
    return (isOfBeginning && this.isFromBeginning) || isKept ? this.find(position) : undefined
  }

  hasBehind({ piece, text }: LogPlace): boolean {
    for (let at = piece, from = text; at < this.end; at++, from = 0)
      if (from < this.piece(at)!.texts.length) return true
    return false
  }

  /** Texts. */
  countBehind({ piece, text }: LogPlace): number {
    let count = 0
    for (let at = Math.max(piece, this.base), from = at === piece ? text : 0; at < this.end; at++, from = 0)
      count += this.piece(at)!.texts.length - from
    return count
  }

  /** Of all that there is. */
  get beginning(): LogPlace {
    return { piece: this.base, text: 0 }
  }

  /** Drops what nobody needs: pieces before `needed`, as far as they are too old or too many. */
  trim(needed: number, nowMs: number, { keptMs, keptLength }: LogBounds): void {
    for (let [first] = this.pieces; first !== undefined && this.base < needed; [first] = this.pieces) {
      if (this.length <= keptLength && nowMs - first.sinceMs < keptMs) return
      this.pieces.shift()
      this.base++
      this.length -= first.length
      // Where a reader is that has all of it. It does not know that this was all, so it stands before the end of the snapshot.
      const { incarnation, id } = first.snapshot
      this.keptFrom = { incarnation, snapshot: id, index: first.texts.length }
      this.isFromBeginning = false
    }
  }

  /** Nobody is there, and nobody will come back: texts that are dropped. */
  forget(): number {
    let texts = 0
    for (const piece of this.pieces) texts += piece.texts.length
    this.base = this.end
    this.pieces = []
    this.length = 0
    this.keptFrom = undefined
    this.isFromBeginning = false
    return texts
  }

  saved(): SavedLog {
    return {
      pieces: this.pieces.flatMap(({ saved }) => saved),
      floor: positionText(this.floor),
      isFromBeginning: this.isFromBeginning,
    }
  }

  restore({ pieces, floor, isFromBeginning }: SavedLog, nowMs: number): void {
    const at = positionOf(floor)
    if (at !== undefined && (this.keptFrom === undefined || comparePositions(at, this.keptFrom) < 0)) {
      this.keptFrom = at
      this.isFromBeginning = isFromBeginning
    }
    for (const piece of united(pieces)) this.add(piece, nowMs)
  }

  private find(position: ClientPosition): LogPlace {
    for (const [at, { snapshot }] of this.pieces.entries()) {
      if (comparePositions(behind(snapshot), position) <= 0) continue
      const isIn = snapshot.incarnation === position.incarnation && snapshot.id === position.snapshot
      return { piece: this.base + at, text: isIn ? position.index : 0 }
    }
    return { piece: this.end, text: 0 }
  }
}

/** Behind all of a snapshot. */
export function behind({ incarnation, id }: SinkSnapshot): ClientPosition {
  return { incarnation, snapshot: id, index: Infinity }
}

function divided(snapshot: SinkSnapshot, texts: readonly string[]): OutputPiece[] {
  const pieces: OutputPiece[] = []
  let from = 0
  let length = 0
  for (const [at, text] of texts.entries()) {
    const more = text.length + textOverhead
    if (at > from && length + more > savedLengthMax) {
      pieces.push({ snapshot, texts: texts.slice(from, at) })
      from = at
      length = 0
    }
    length += more
  }
  pieces.push({ snapshot, texts: texts.slice(from) })
  return pieces
}

function united(pieces: readonly OutputPiece[]): OutputPiece[] {
  const whole: { readonly snapshot: SinkSnapshot; readonly texts: string[] }[] = []
  for (const { snapshot, texts } of pieces) {
    const last = whole.at(-1)
    if (last !== undefined && compareSinkSnapshots(last.snapshot, snapshot) === 0)
      for (const text of texts) last.texts.push(text)
    else whole.push({ snapshot, texts: [...texts] })
  }
  return whole
}
