import { openJournal } from '../../../src/journal/open.ts'

/**
 * A process of its own that appends to a journal without end, for tests that stop or end it. `process.argv`: folder, generation,
 * and a name that its records begin with. Tells what was acknowledged, a batch at a time.
 */

const [folder, generation, name] = process.argv.slice(2) as [string, string, string]
const inFlight = 40

/** Resolves once the parent's pipe has taken it, so that nothing is lost that was told before the end. */
function tell(told: object): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(told, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
}

try {
  // Small segments, so that it is killed while one is begun, too.
  const journal = await openJournal({ folder, generation: Number(generation), segmentBytesMax: 32 * 1024 })
  await tell({ opened: journal.end })
  let next = 0
  const client = async (): Promise<void> => {
    for (;;) {
      const text = `${name}-${next++}`
      const position = await journal.append(Buffer.from(text))
      await tell({ position, text })
      if (position % 1_000 === 0) await journal.release(Math.max(0, position - 200_000))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, client))
} catch (error) {
  await tell({ failed: (error as { readonly code?: string }).code ?? String(error) })
}
process.disconnect?.()
