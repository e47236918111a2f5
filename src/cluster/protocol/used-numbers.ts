import * as v from 'valibot'
import { count, generation, instanceId, workerNumber } from './fields.ts'
import { recordType } from './record.ts'

/**
 * What plans of a network have used of its numbers. It is written with each plan, and stays where that is deleted, so that what comes next
 * goes on behind it (PL-6).
 */
const used = v.object({
  /** The greatest. */
  generation,
  /** As in the plan: below which numbers of workers have been used. */
  nextWorker: workerNumber,
  /** As in the plan: where the search for a free id begins. */
  nextInstance: instanceId,
  /** As in the plan. */
  nextConnection: count,
})
export type UsedNumbers = Readonly<v.InferOutput<typeof used>>
export const usedNumbersRecord = recordType('The numbers that plans have used', used, { isChecked: true })

/** As they are written with a plan. */
export function usedBy({ generation, nextWorker, nextInstance, nextConnection }: UsedNumbers): UsedNumbers {
  return { generation, nextWorker, nextInstance, nextConnection }
}
