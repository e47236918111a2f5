import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { ApiClient } from '../../../src/api/index.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { ask, cluster, network } from './support.ts'

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: { readonly Error: object } }
}

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<
    Record<string, { readonly content: { readonly 'application/json'?: { readonly schema: object } } }>
  >
}

const document = JSON.parse(
  readFileSync(new URL('../../../schema/openapi.json', import.meta.url), 'utf8'),
) as Document

/** A field that is in an answer, but not in the document, is a fault here. Open objects have no `properties`. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  const text = JSON.stringify(copy).replaceAll('#/components/schemas/Error', 'Error#')
  const found = JSON.parse(text) as Record<string, unknown>
  return found['properties'] === undefined ? found : { ...found, additionalProperties: false }
}

test('answers are what the document says, and errors too', async (t) => {
  const held = await cluster(t)
  const { address } = held.server
  const client = new ApiClient({ address, clock: systemClock })
  // The validator of requests, for answers: each schema is that of a body here.
  const checking = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false } } })
  checking.addSchema({ ...(closed(document.components.schemas.Error) as object), $id: 'Error' })
  const cases = new Map<string, unknown>()
  for (const [path, operations] of Object.entries(document.paths))
    for (const [method, { responses }] of Object.entries(operations))
      for (const [status, { content }] of Object.entries(responses)) {
        const schema = content['application/json']?.schema
        if (schema === undefined) continue
        const url = `/${method}/${status}${path.replaceAll(/\{(\w+)\}/g, '$1')}`
        checking.post(url, { schema: { body: closed(schema) } }, async () => 'fits')
        cases.set(url, undefined)
      }
  await checking.ready()
  t.after(() => checking.close())
  const check = async (method: string, path: string, pattern: string, json?: unknown): Promise<void> => {
    const { status, body } = await ask(address, method, path, json === undefined ? {} : { json })
    const url = `/${method.toLowerCase()}/${status === 200 ? '200' : 'default'}${pattern}`
    assert.ok(cases.delete(url), `the document has no ${url}, or it was asked twice`)
    const answer = await checking.inject({ method: 'POST', url, payload: body as object })
    assert.equal(answer.body, 'fits', `${url}: ${JSON.stringify(body)}`)
  }
  await client.deploy(network(['a', 'stuck']))
  for await (const status of client.watchNetwork('net', AbortSignal.timeout(30_000)))
    if (status?.state === 'waiting') break
  await client.drain('n2')
  const name = '/v1/networks/name'
  await check('GET', '/v1/health', '/v1/health')
  await check('GET', '/v1/node', '/v1/node')
  await check('GET', '/v1/nodes', '/v1/nodes')
  await check('GET', '/v1/events', '/v1/events')
  await check('GET', '/v1/networks', '/v1/networks')
  await check('GET', '/v1/networks/net', name)
  await check('GET', '/v1/networks/none', name)
  await check('GET', '/v1/networks/net/versions', `${name}/versions`)
  await check('GET', '/v1/networks/net/definition', `${name}/definition`)
  await check('PUT', '/v1/config', '/v1/config', { quorum: 1 })
  await check('GET', '/v1/config', '/v1/config')
  await check('POST', '/v1/nodes/n2/undrain', '/v1/nodes/id/undrain')
  await check('POST', '/v1/networks/net/scale', `${name}/scale`, { component: 'a', instances: 2 })
  await check('POST', '/v1/networks/net/rollback', `${name}/rollback`, { to: 1 })
  await check('POST', '/v1/networks', '/v1/networks', { ...network(['b'], 'other') })
  const broken = { ...network(['broken'], 'refused') }
  await client.deploy(broken)
  for await (const status of client.watchNetwork('refused', AbortSignal.timeout(30_000)))
    if (status?.refused !== undefined) break
  await check('DELETE', '/v1/networks/refused', name)
  const { part, kinds } = network(['c'], 'wrong')
  const wrong = { ...part, connections: [] }
  await check('POST', '/v1/networks', '/v1/networks', { part: wrong, kinds })
})
