import type { Outcome } from './survive.ts'

/** For people. */
export function told({ faults, counts, checked, restored }: Outcome): string {
  const each = Array.from(counts, ([name, count]) => `${count} ${name}`).toSorted()
  return `${faults} faults survived (${each.join(', ')}); ${checked} messages checked; recovered from ${restored} snapshots`
}
