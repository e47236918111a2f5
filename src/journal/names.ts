import type { SegmentName } from './segment-head.ts'

/** The one place that makes and reads the names of a journal's files. */

const segmentPattern = /^(\d{16})-(\d{8,})\.segment$/
const ownerPattern = /^owner-(\d+)$/
const releasedPattern = /^released-(\d+)$/
const temporaryEnd = '.tmp'
/** In the root of a volume that was made as ext4. */
const volumeName = 'lost+found'

export function segmentFile({ base, epoch }: SegmentName): string {
  return `${String(base).padStart(16, '0')}-${String(epoch).padStart(8, '0')}.segment`
}

export const ownerFile = (epoch: number): string => `owner-${epoch}`
export const releasedFile = (epoch: number): string => `released-${epoch}`
/** `tag` keeps those of several processes apart. */
export const temporaryFile = (name: string, tag: string): string => `${name}.${tag}${temporaryEnd}`

export interface FolderNames {
  readonly segments: readonly SegmentName[]
  /** Epochs, ascending. */
  readonly owners: readonly number[]
  readonly released: readonly number[]
  readonly temporary: readonly string[]
  readonly foreign: readonly string[]
}

export function sortNames(names: readonly string[]): FolderNames {
  const segments: SegmentName[] = []
  const owners: number[] = []
  const released: number[] = []
  const temporary: string[] = []
  const foreign: string[] = []
  for (const name of names) {
    const segment = segmentPattern.exec(name)
    const owner = ownerPattern.exec(name)
    const release = releasedPattern.exec(name)
    if (segment !== null) segments.push({ base: Number(segment[1]), epoch: Number(segment[2]) })
    else if (owner !== null) owners.push(Number(owner[1]))
    else if (release !== null) released.push(Number(release[1]))
    else if (name.endsWith(temporaryEnd)) temporary.push(name)
    else if (name !== volumeName) foreign.push(name)
  }
  const ascending = (numbers: number[]): number[] => numbers.toSorted((a, b) => a - b)
  return { segments, owners: ascending(owners), released: ascending(released), temporary, foreign }
}
