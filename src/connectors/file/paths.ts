import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { glob, isDynamicPattern } from 'tinyglobby'
import type { VertigoError } from '../../base/errors.ts'
import { type FileUse, fileError, fileFault } from './errors.ts'

/**
 * The files that a `path` of a configuration means, each checked to be there and readable. A path with the signs of a
 * glob is taken by the letter when a file of that very name exists. Files of a glob are sorted by name, so that every
 * instance sees the same order.
 */
export async function findFiles(
  paths: string | readonly string[],
  use: Omit<FileUse, 'path' | 'for'>,
): Promise<readonly string[]> {
  const found = new Set<string>()
  for (const path of typeof paths === 'string' ? [paths] : paths) {
    const at: FileUse = { ...use, path, for: 'reading' }
    for (const file of await expand(path, at)) found.add(file)
  }
  return [...found]
}

/** Of a `path` of a configuration: what names one file, and what stands for those that there are. */
export async function splitPatterns(
  paths: string | readonly string[],
): Promise<{ readonly files: readonly string[]; readonly patterns: readonly string[] }> {
  const files: string[] = []
  const patterns: string[] = []
  for (const path of typeof paths === 'string' ? [paths] : paths)
    if (isDynamicPattern(path) && !(await isThere(path))) patterns.push(path)
    else files.push(path)
  return { files, patterns }
}

/** Those that there are now, by name; none where nothing matches. */
export async function matching(patterns: readonly string[]): Promise<readonly string[]> {
  if (patterns.length === 0) return []
  const files = await glob([...patterns], { onlyFiles: true, expandDirectories: false, dot: false })
  return files.toSorted()
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}

async function expand(path: string, at: FileUse): Promise<readonly string[]> {
  const fault = await checkReadable(path, at)
  if (fault === undefined) return [path]
  if (fault.code !== 'FILE_NOT_FOUND' || !isDynamicPattern(path)) throw fault
  const files = await glob(path, { onlyFiles: true, expandDirectories: false, dot: false })
  if (files.length === 0) {
    throw fileFault('FILE_NOT_FOUND', at, `matches no file (looked below ${process.cwd()})`)
  }
  files.sort()
  for (const file of files) {
    const unreadable = await checkReadable(file, { ...at, path: file })
    if (unreadable !== undefined) throw unreadable
  }
  return files
}

async function checkReadable(path: string, at: FileUse): Promise<VertigoError | undefined> {
  try {
    if ((await stat(path)).isDirectory()) {
      const remedy = `To read all its files, give "${path.replace(/\/*$/, '')}/*".`
      return fileFault('FILE_IS_DIRECTORY', at, 'is a directory, not a file', { remedy })
    }
    await access(path, constants.R_OK)
    return undefined
  } catch (error) {
    return fileError(error, at)
  }
}
