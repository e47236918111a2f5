import { Buffer } from 'node:buffer'

/**
 * The one place that makes and reads the names of a network's snapshot files in a storage:
 *
 *   <network>/<incarnation>/<until>/<component>-<instance>.<generation>-<number>.<kind>
 *   <network>/<incarnation>/<id>/manifest
 *
 * `until` is the snapshot up to whose commit a file is spared even where nothing refers to it (`collection.ts`). Numbers are written so
 * that names come in the order of the numbers.
 */

const numberDigits = 12

export interface FileOwner {
  readonly network: string
  /** Of the cluster: a store that was imported, or restored from a backup, begins a new one. */
  readonly incarnation: number
}

export interface StateFileName extends FileOwner {
  readonly until: number
  readonly component: string
  readonly instance: number
  /** Of the plan whose instance wrote it: an older one that still writes has other names. */
  readonly generation: number
  /** Tells apart what one instance writes for one snapshot. */
  readonly number: number
  readonly kind: 'full' | 'increment'
}

export function stateFileName(file: StateFileName): string {
  const { component, instance, generation, number, kind } = file
  return `${folderOf(file, file.until)}${escaped(component)}-${instance}.${generation}-${number}.${kind}`
}

export function manifestName(owner: FileOwner, id: number): string {
  return `${folderOf(owner, id)}manifest`
}

/** All names of a network begin with it. */
export function networkPrefix(network: string): string {
  return `${escaped(network)}/`
}

export function incarnationPrefix({ network, incarnation }: FileOwner): string {
  return `${networkPrefix(network)}${padded(incarnation)}/`
}

function folderOf(owner: FileOwner, id: number): string {
  return `${incarnationPrefix(owner)}${padded(id)}/`
}

const placePattern = /^[^/]+\/(\d+)\/(\d+)\/[^/]+$/

/** Which incarnation and snapshot the name of a file stands for; undefined for names that were not made here. */
export function placeOf(name: string): { readonly incarnation: number; readonly until: number } | undefined {
  const found = placePattern.exec(name)
  return found === null ? undefined : { incarnation: Number(found[1]), until: Number(found[2]) }
}

function padded(number: number): string {
  return String(number).padStart(numberDigits, '0')
}

/** One name for each text, of the characters that a storage takes: others become `_` and the two digits of each byte. */
function escaped(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9-]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `_${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}
