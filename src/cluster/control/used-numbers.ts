import {
  asGeneration,
  asInstanceId,
  asWorkerNumber,
  type NetworkView,
  noGeneration,
  type UsedNumbers,
} from '../protocol/index.ts'

/**
 * Behind which numbers the plans of a network go on (PL-6), from all that the store says of those before. The record is written with each
 * plan; what else names a generation counts as well, since a store may be of a version that wrote none. `restoredAtMs`: when the store was
 * filled from a backup; 0: never. What was used after the backup is not in it, so numbers go on at the second in which it was restored: as
 * with incarnations of snapshots, no network has had one plan for each second since 1970.
 */
export function usedNumbers(
  { numbers, plan, open, closed, outcome, snapshots, readyRecords }: NetworkView,
  restoredAtMs = 0,
): UsedNumbers {
  const known = plan?.value ?? numbers?.value
  const ready = Array.from(readyRecords.values(), ({ value }) => value)
  const named = [plan, numbers, open, closed, outcome, snapshots.committed, snapshots.aborted]
  const generations = [...named.map((one) => one?.value), ...ready].map((one) => one?.generation)
  const workers = [open?.value, ...ready].flatMap((one) => one?.workers ?? []).map(({ worker }) => worker + 1)
  const restored = Math.floor(restoredAtMs / 1_000)
  return {
    generation: asGeneration(greatest(noGeneration, restored, ...generations)),
    nextWorker: asWorkerNumber(
      greatest(restored, plan?.value.nextWorker, numbers?.value.nextWorker, ...workers),
    ),
    nextInstance: known?.nextInstance ?? asInstanceId(0),
    nextConnection: known?.nextConnection ?? 0,
  }
}

function greatest(...numbers: readonly (number | undefined)[]): number {
  return Math.max(...numbers.map((number) => number ?? 0))
}
