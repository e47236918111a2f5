import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { nearest } from '../../base/suggest.ts'

/** Extensions of modules, the likeliest first. */
export const moduleExtensions = ['.ts', '.js', '.mts', '.mjs', '.cts', '.cjs'] as const

export interface NearFile {
  /** The file as an address or import path: in the form of the one that was looked for. */
  readonly address: string
  /** The same name but for the extension, or the index of a folder of this name. */
  readonly isExact: boolean
}

/** The module that a path, relative to `from`, most likely meant; undefined where there is nothing near. */
export function nearFile(address: string, from: string): NearFile | undefined {
  const wanted = resolve(/[/\\]$/.test(from) ? from : dirname(from), address)
  const folder = dirname(wanted)
  const name = basename(wanted)
  const sibling = (file: string): string => address.slice(0, address.lastIndexOf('/') + 1) + file
  if (isFile(wanted)) return { address, isExact: true }
  const files = modulesIn(folder)
  const stem = name.replace(/\.[cm]?[jt]sx?$/, '')
  for (const extension of moduleExtensions)
    for (const start of [name, stem])
      if (files.includes(start + extension)) return { address: sibling(start + extension), isExact: true }
  for (const extension of moduleExtensions)
    if (isFile(join(wanted, `index${extension}`)))
      return { address: `${address.replace(/\/$/, '')}/index${extension}`, isExact: true }
  const near = nearest(name, files) ?? nearestStem(stem, files)
  return near === undefined ? undefined : { address: sibling(near), isExact: false }
}

function nearestStem(stem: string, files: readonly string[]): string | undefined {
  const byStem = new Map(files.map((file) => [file.replace(/\.\w+$/, ''), file]))
  const near = nearest(stem, byStem.keys())
  return near === undefined ? undefined : byStem.get(near)
}

function modulesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) =>
      moduleExtensions.some((extension) => name.endsWith(extension)),
    )
  } catch {
    return []
  }
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}
