import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** What was acknowledged to clients, and what a network of `tallying` has of it. */

/** A key's messages go through one port after the other. */
export const keys = ['a', 'b', 'c'] as const

export interface Message {
  readonly key: string
  readonly n: number
}
export type Outcome = 'taken' | 'not taken' | 'unknown'

let lastNumber = 0

export class Outcomes {
  readonly outcomes: (readonly [Message, Outcome])[] = []
  taken = 0

  async next(send: (message: Message) => Promise<Outcome>): Promise<void> {
    const n = ++lastNumber
    const message = { key: keys[n % keys.length]!, n }
    const outcome = await send(message)
    this.outcomes.push([message, outcome])
    if (outcome === 'taken') this.taken++
  }
}

/** How often each message of the key came, by the last snapshot. */
export async function tallyOf(api: string, key: string): Promise<Readonly<Record<string, number>>> {
  const url = `${api}/v1/networks/tallies/components/tally/state?key=${encodeURIComponent(JSON.stringify(key))}`
  const body = await (await fetch(url)).text()
  const { states } = JSON.parse(body) as { states?: { seen: Record<string, number> } }
  assert.ok(states?.seen !== undefined, body)
  return states.seen
}

export async function post(port: number, message: Message): Promise<Outcome> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(20_000),
    })
    await response.text()
    if (response.status === 200) return 'taken'
    assert.match(String(response.status), /^(429|503|504)$/)
    return response.status === 504 ? 'unknown' : 'not taken'
  } catch (error) {
    // Nobody listens; or it broke off.
    const { cause } = error as { readonly cause?: { readonly code?: string } }
    return cause?.code === 'ECONNREFUSED' ? 'not taken' : 'unknown'
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, 'close')
  return port
}
