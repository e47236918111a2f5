import type { ListedSplits, SourcePositions } from '../../component/index.ts'
import type { FileUse } from './errors.ts'
import { asLinePosition } from './line-position.ts'
import { findFiles, isThere, matching, splitPatterns } from './paths.ts'

/**
 * Which files a source of lines has: each is a split, by its path.
 *
 * A source that does not follow has the files that there are when its network begins, whatever comes later: what it reads must not
 * depend on when something failed. One that follows patterns takes up what comes; these are dealt by name, since copies may not see them
 * at the same time.
 */
export async function listFiles(
  { path, follow }: { readonly path: string | readonly string[]; readonly follow: boolean },
  positions: SourcePositions | undefined,
  use: Omit<FileUse, 'path' | 'for'>,
): Promise<ListedSplits> {
  const { files, patterns } = await splitPatterns(path)
  const isOpen = follow && patterns.length > 0
  if (positions === undefined) {
    const found = await findFiles(path, use)
    return isOpen ? { byName: found } : found
  }
  const isKnown = (file: string): boolean => Object.hasOwn(positions, file)
  const matched = await matching(patterns)
  // Of what the configuration names now, and did not before, all has to be there.
  const added = files.filter((file) => !isKnown(file))
  if (added.length > 0) await findFiles(added, use)
  const named = [...files, ...matched.filter((file) => isOpen || isKnown(file))]
  const gone: string[] = []
  for (const file of Object.keys(positions).toSorted())
    if (!named.includes(file) && (await isMissed(file, positions, use))) gone.push(file)
  const listed = [...named, ...gone]
  return isOpen ? { byName: listed } : listed
}

/** A file that is not there, and was not read to its end; one that is there is named no more by the configuration. */
async function isMissed(
  file: string,
  positions: SourcePositions,
  use: Omit<FileUse, 'path' | 'for'>,
): Promise<boolean> {
  if (await isThere(file)) return false
  return !asLinePosition(positions[file]!, { ...use, path: file, for: 'reading' }).done
}
