import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { isLeftOver, processName } from '../../../base/process-name.ts'
import type { Random } from '../../../base/random.ts'

/** Files that are being written, in a folder of their own beside the others, each named by the process that writes it. */

export const incomingName = '.incoming'
const ending = '.part'

/** A name for a file that is being written; different each time. */
export function incomingFile(folder: string, random: Random): string {
  const number = `${random.int(2 ** 32).toString(36)}${random.int(2 ** 32).toString(36)}`
  return join(folder, incomingName, `${processName()}.${number}${ending}`)
}

/** Deletes what processes have left that are no more. */
export async function cleanIncoming(folder: string, clock: Clock): Promise<void> {
  const names = await readdir(join(folder, incomingName))
  for (const name of names) {
    const path = join(folder, incomingName, name)
    if (name.endsWith(ending) && (await isLeftOver(name, path, clock))) await rm(path, { force: true })
  }
}
