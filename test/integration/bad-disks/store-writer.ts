import { Buffer } from 'node:buffer'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/base/clock.ts'
import { asError, isVertigoError } from '../../../src/base/errors.ts'
import { put } from '../../../src/store/operations.ts'
import { openStore } from '../../../src/stores.ts'

/**
 * A process that writes to the store in the folder that it is given until that is refused, and then writes and reads a few times more. It says
 * what each of these calls was told, a line for each, and closes the store.
 */

const triesAfter = 3
const store = await openStore(`lmdb:${process.argv[2]!}`, systemClock)

async function told(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
    return 'done'
  } catch (error) {
    return `${isVertigoError(error) ? error.code : 'unknown'}: ${asError(error).message}`
  }
}

const write = (n: number): Promise<string> =>
  told(() => store.transact({ compare: [], then: [put(`key ${n % 200}`, Buffer.alloc(1_800, n))] }))

let first = 'done'
for (let written = 0; first === 'done'; written++) {
  if (written === 20) console.log('is writing')
  await sleep(2)
  first = await write(written)
}
console.log(`first ${first}`)
for (let left = triesAfter; left > 0; left--) {
  console.log(`write ${await write(left)}`)
  console.log(`read ${await told(() => store.get('key 1'))}`)
}
await store.close()
console.log('closed')
