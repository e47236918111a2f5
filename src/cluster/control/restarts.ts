import type { ComponentFailures, ErrorText, Plan } from '../protocol/index.ts'
import type { RestartPolicy } from './facts.ts'

/** Failures that a plan carries with new ones added, each component counted once: its copies fail together. */
export function withFailures(
  plan: Plan,
  failed: ReadonlyMap<string, ErrorText>,
  policy: RestartPolicy,
  nowMs: number,
): ComponentFailures[] {
  const known = plan.failures.filter((one) => failed.has(one.component) || isRecent(one, policy, nowMs))
  const counts = new Map(known.map((one) => [one.component, one]))
  for (const [component, error] of failed) {
    const before = counts.get(component)
    const count = before !== undefined && isRecent(before, policy, nowMs) ? before.count + 1 : 1
    counts.set(component, { component, count, lastAtMs: nowMs, error })
  }
  return [...counts.values()]
}

function isRecent({ lastAtMs }: ComponentFailures, { windowMs }: RestartPolicy, nowMs: number): boolean {
  return nowMs - lastAtMs < windowMs
}

/** When a component that failed may be started again. */
export function retryAtMs({ count, lastAtMs }: ComponentFailures, policy: RestartPolicy): number {
  return lastAtMs + delayMs(count - 1, policy)
}

/** The pause of so many; none where there has been none. */
export function delayMs(pauses: number, policy: RestartPolicy): number {
  return pauses <= 0 ? 0 : Math.min(policy.delayMsMax, policy.delayMs * 2 ** Math.min(pauses - 1, 30))
}

/** A time ahead of the clock is another machine's, and no reason to wait: nobody knows for how long. */
export function isPaused(failure: ComponentFailures, policy: RestartPolicy, nowMs: number): boolean {
  return failure.lastAtMs <= nowMs && nowMs < retryAtMs(failure, policy)
}
