/**
 * A node whose main thread, once told by a message, does nothing for a while after a pause of its process: so nobody but its
 * workers' own look at the clock keeps them from working on.
 */
import { startNode } from '../../../src/cluster.ts'
import { blockedMs, type FrozenReport, pauseMsMin } from './frozen-times.ts'

const [store = '', ttl = ''] = process.argv.slice(2)
const send = (report: FrozenReport): void => {
  process.send!(report)
}

await startNode({
  store,
  id: 'a',
  workers: 1,
  ttlMs: Number(ttl),
  onEvent: (event) => send(event.type === 'joined' || event.type === 'fenced' ? event.type : 'other'),
})

process.on('message', () => {
  let last = performance.now()
  // Of all timers that are due on waking it is the first: no other waits for less time.
  setInterval(() => {
    const now = performance.now()
    if (now - last > pauseMsMin) {
      while (performance.now() - now < blockedMs);
      send('woke')
    }
    last = performance.now()
  }, 1)
  send('armed')
})
process.on('disconnect', () => process.exit())
