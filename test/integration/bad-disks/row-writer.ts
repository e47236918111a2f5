import { Buffer } from 'node:buffer'
import { setTimeout as sleep } from 'node:timers/promises'
import { isVertigoError } from '../../../src/base/errors.ts'
import { entriesMax, openRowFiles } from '../../../src/state/lmdb/row-files.ts'

/**
 * A process that writes rows to the folder that it is given until that is refused, says so, and then tries it as often as it is told by its second
 * argument. `keys`: so many different ones, one after the other, again and again. In the end it says what it was told, a line for each different one.
 */

const [folder = '', tries = '', keys = ''] = process.argv.slice(2)
const files = openRowFiles('count[0]', folder)
let at = 0

function write(entries: number): string {
  try {
    files.write(0, () => {
      for (let n = 0; n < entries; n++)
        files.rows.put(Buffer.from(`key ${(at++ * 7_919) % Number(keys)}`), Buffer.alloc(200, at))
    })
    return 'written'
  } catch (error) {
    return isVertigoError(error) ? `${error.code}: ${error.message}` : String(error)
  }
}

for (let written = 0; write(entriesMax) === 'written'; written++) {
  if (written === 20) console.log('is writing')
  await sleep(2)
}
const told = new Set<string>()
for (let left = Number(tries); left > 0; left--) told.add(write(1 + (left % entriesMax)))
files.close()
console.log([...told].join('\n'))
console.log('done')
