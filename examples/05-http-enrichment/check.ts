import assert from 'node:assert/strict'
import { join } from 'node:path'
import { checkExample, readJsonLines } from '../lib/example.ts'
import { startServer } from './server.ts'

const logins = 200
const retries = 3
const concurrency = 8

await checkExample(import.meta.dirname, async ({ folder, vertigo }) => {
  const server = await startServer()
  try {
    const result = join(folder, 'enriched.jsonl')
    const failed = join(folder, 'failed.jsonl')
    const settings = [
      `enrich.config.url=${server.url}`,
      `result.config.path=${result}`,
      `failed.config.path=${failed}`,
    ]
    await vertigo('run', 'network.yaml', ...settings.flatMap((setting) => ['--set', setting]))

    const expected: unknown[] = []
    const unknownUsers: number[] = []
    let requests = 0
    for (let id = 0; id < logins; id++) {
      // See the server: it does not know some users, and fails once for some others.
      if (id % 50 === 13) {
        unknownUsers.push(id)
        requests += 1 + retries
        continue
      }
      requests += id % 10 === 7 ? 2 : 1
      expected.push({ id, userId: id, user: { name: `user-${id}`, isAdmin: id % 9 === 0 } })
    }
    // In the order of the logins, though the answers came in another.
    assert.deepEqual(readJsonLines(result), expected)
    const rejected = readJsonLines<{ message: { id: number }; error: { message: string } }>(failed)
    assert.deepEqual(
      rejected.map(({ message, error }) => [message.id, error.message]),
      unknownUsers.map((id) => [id, `the service answered 404 for user ${id}`]),
    )
    assert.equal(server.requests, requests)
    assert.ok(server.busiest > 1 && server.busiest <= concurrency, `${server.busiest} requests at a time`)
  } finally {
    server.close()
  }
})
