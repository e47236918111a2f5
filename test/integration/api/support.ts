import type { TestContext } from 'node:test'
import type { ApiOptions } from '../../../src/api/index.ts'
import type { Deployment } from '../../../src/cluster/client/index.ts'
import type { KindFacts } from '../../../src/cluster/protocol/index.ts'
import { FakeCluster } from '../../fixtures/api/fake-cluster.ts'

export async function cluster(t: TestContext, options: ApiOptions = {}): Promise<FakeCluster> {
  const started = await FakeCluster.start(options)
  t.after(() => started.close())
  return started
}

const facts = (role: 'source' | 'component', inputs: string[], outputs: string[]): KindFacts => {
  return { role, inputs, outputs, keyedState: false, instanceState: false, rewinds: false, inMain: false }
}

/** A source, and sinks of these names at it. */
export function network(sinks: readonly string[], name = 'net'): Deployment {
  const base = 'file:///net.yaml'
  return {
    part: {
      name,
      components: {
        numbers: { kind: 'generator', base },
        ...Object.fromEntries(sinks.map((sink) => [sink, { kind: 'log', base }])),
      },
      connections: sinks.map((sink) => ({ from: 'numbers.out', to: `${sink}.in`, base })),
    },
    kinds: {
      numbers: facts('source', [], ['out']),
      ...Object.fromEntries(sinks.map((sink) => [sink, facts('component', ['in'], [])])),
    },
  }
}

export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

export async function ask(
  address: string,
  method: string,
  path: string,
  options: {
    readonly json?: unknown
    readonly text?: string
    readonly headers?: Record<string, string>
  } = {},
): Promise<Answer> {
  const { json, text = json === undefined ? undefined : JSON.stringify(json), headers = {} } = options
  const response = await fetch(`${address}${path}`, {
    method,
    ...(text !== undefined && { body: text }),
    headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}
