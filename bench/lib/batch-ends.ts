import type { MessagePort } from 'node:worker_threads'
import { makeSmall, type Small } from './small-message.ts'

/** What carries batches from one thread to another, and the word that one was taken back. */
export interface BatchLine {
  sendItems(items: Small[]): void
  sendTaken(): void
  onItems(take: (items: Small[]) => void): void
  onTaken(free: (batches: number) => void): void
}

const batch = 256
const batchesUnderWayMax = 4

/** Sends as many as `main` says, with at most 4 batches under way. */
export function source(main: MessagePort, line: BatchLine): void {
  let next = 0
  let end = 0
  let underWay = 0
  const send = (): void => {
    while (underWay < batchesUnderWayMax && next < end) {
      const items: Small[] = []
      const until = Math.min(end, next + batch)
      for (; next < until; next++) items.push(makeSmall(next))
      underWay++
      line.sendItems(items)
    }
  }
  line.onTaken((batches) => {
    underWay -= batches
    send()
  })
  main.on('message', (count: number) => {
    next = 0
    end = count
    send()
  })
}

/** Tells `main` the sum of the ids when as many have come as it said. */
export function sink(main: MessagePort, line: BatchLine): void {
  let left = 0
  let sum = 0
  const settle = (): void => {
    if (left !== 0) return
    main.postMessage(sum)
    sum = 0
  }
  line.onItems((items) => {
    for (const { id } of items) sum += id
    left -= items.length
    line.sendTaken()
    settle()
  })
  main.on('message', (count: number) => {
    left += count
    settle()
  })
}
