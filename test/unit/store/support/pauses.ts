import type { SimulatedClient, World } from './world.ts'

/** Pauses clients and cuts them off, now for a moment and now for longer than a lease lives, until it is told to stop. */
export function disturb(world: World, clients: readonly SimulatedClient[], ttlMs: number): () => void {
  const { clock, random } = world
  let isOver = false
  const next = (): void => {
    clock.after(random.next() * ttlMs, () => {
      if (isOver) return
      const client = clients[random.int(clients.length)]!
      const forMs = random.next() * ttlMs * (random.next() < 0.3 ? 3 : 0.3)
      const isPause = random.next() < 0.6
      if (isPause) client.pause()
      else client.store.isCutOff = true
      clock.after(forMs, () => {
        if (isPause) client.resume()
        else client.store.isCutOff = false
        next()
      })
    })
  }
  next()
  next()
  return () => {
    isOver = true
  }
}
