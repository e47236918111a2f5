/**
 * A service that knows users: `GET /users/<id>`. It is slow, fails now and then, and does not know every user.
 *
 *   node server.ts [port]
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'

export interface UserServer {
  readonly url: string
  /** Requests so far, failed ones included. */
  readonly requests: number
  /** Most requests that were answered at the same time. */
  readonly busiest: number
  close(): void
}

export async function startServer(port = 0): Promise<UserServer> {
  let requests = 0
  let busy = 0
  let busiest = 0
  const failedBefore = new Set<number>()
  const server = createServer((request, response) => {
    requests++
    busiest = Math.max(busiest, ++busy)
    const id = Number(/^\/users\/(\d+)$/.exec(request.url ?? '')?.[1] ?? NaN)
    const answer = (): void => {
      busy--
      if (Number.isNaN(id) || id % 50 === 13) response.writeHead(404).end()
      else if (id % 10 === 7 && !failedBefore.has(id)) {
        failedBefore.add(id)
        response.writeHead(503).end()
      } else response.end(JSON.stringify({ name: `user-${id}`, isAdmin: id % 9 === 0 }))
    }
    // Not the same time for each, so that answers overtake each other.
    setTimeout(answer, 2 + ((id * 7) % 20))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    get busiest() {
      return busiest
    },
    close(): void {
      server.close()
      server.closeAllConnections()
    },
  }
}

if (resolve(process.argv[1] ?? '') === import.meta.filename) {
  const { url } = await startServer(Number(process.argv[2] ?? 8070))
  console.log(`Users at ${url}/users/1`)
}
