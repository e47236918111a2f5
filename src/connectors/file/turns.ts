/**
 * Who of several writers has a file: the one with the greatest turn that is marked.
 *
 * - TU-1 A turn is taken when the first piece of a run is prepared, and travels with it: whoever publishes it, late or again, does so in that
 *   turn. All later pieces of the run have it as well. So of two runs, of one network or of two, the one is newer that began later.
 * - TU-2 Nobody else has it: its claim is a file that only one can make. That is durable before the piece is.
 * - TU-3 Claims go when a greater turn is marked. Who makes one of these again, since he looked before, sees that mark, and takes another turn.
 */
import { open } from 'node:fs/promises'
import { syncFolder } from '../../base/durable-files.ts'
import { claimPath, folderOf, type Listed, listFolder, makeMarksFolder } from './marks-folder.ts'

/** `path`: the real one of the file. */
export async function takeTurn(path: string): Promise<number> {
  const folder = folderOf(path)
  await makeMarksFolder(folder, true)
  for (;;) {
    const listed = await listFolder(folder)
    const turn = Math.max(newestMarked(listed), ...listed.claims) + 1
    // TU-3
    if (!(await claim(folder, turn)) || newestMarked(await listFolder(folder)) >= turn) continue
    await syncFolder(folder)
    return turn
  }
}

function newestMarked({ marks }: Listed): number {
  return Math.max(0, ...marks.map(({ turn }) => turn))
}

/** False where somebody has it. */
async function claim(folder: string, turn: number): Promise<boolean> {
  try {
    const file = await open(claimPath(folder, turn), 'wx')
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
