import type { SnapshotTakers } from '../../cluster/control/index.ts'
import type { ClusterWatcher } from './watcher.ts'

/** The nodes, as a manager asks them for their parts, with somebody who looks on. */
export function watchedTakers(
  takers: SnapshotTakers,
  watcher: Pick<ClusterWatcher, 'partAsked'>,
  manager: string,
): SnapshotTakers {
  return {
    async *take(node, network, begin, signal) {
      const asked = watcher.partAsked?.(manager, network, begin)
      // Whoever gives it up tells by the signal, and may listen for a moment more.
      const over = (): void => asked?.over()
      signal.addEventListener('abort', over, { once: true })
      try {
        yield* takers.take(node, network, begin, signal)
      } finally {
        signal.removeEventListener('abort', over)
        over()
      }
    },
  }
}
