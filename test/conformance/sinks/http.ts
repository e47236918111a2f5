import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { httpSink } from '../../../src/connectors/http-sink.ts'
import type { SinkSubject } from './subjects.ts'
import type { Message } from './world.ts'

/** A server that takes each key once, as its sinks ask it to. */
export const httpSubject: SinkSubject = {
  name: 'a server by HTTP',
  tellsNewest: false,
  isBounded: true,
  async open() {
    const rows: Message[] = []
    const known = new Map<string, string>()
    let isDown = false
    const server = createServer((request, response) => {
      text(request)
        .then((body) => {
          const key = request.headers['idempotency-key'] as string
          const before = known.get(key)
          // What is repeated has to be the same.
          const status = isDown ? 503 : before !== undefined && before !== body ? 409 : 204
          if (status === 204 && before === undefined) {
            known.set(key, body)
            rows.push(...(JSON.parse(body) as Message[]))
          }
          response.writeHead(status).end()
        })
        .catch(() => response.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return {
      kind: httpSink,
      config: { url: `http://127.0.0.1:${port}/rows`, batch: 2 },
      read: async () => [...rows],
      setDown: async (down) => {
        isDown = down
      },
      close: async () => {
        server.close()
        server.closeAllConnections()
        await once(server, 'close')
      },
    }
  },
}
