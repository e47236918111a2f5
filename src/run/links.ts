import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { WorkerAssignment } from '../worker/assignment.ts'

/** For each worker, the ports to its peers: one MessageChannel for each pair. */
export function makeLinks(workers: readonly WorkerAssignment[]): Map<number, Map<number, MessagePort>> {
  const links = new Map(workers.map(({ worker }) => [worker, new Map<number, MessagePort>()]))
  for (const { worker, peers } of workers) {
    for (const peer of peers) {
      if (peer < worker) continue
      const { port1, port2 } = new MessageChannel()
      links.get(worker)!.set(peer, port1)
      links.get(peer)!.set(worker, port2)
    }
  }
  return links
}
