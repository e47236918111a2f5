import { enableCompileCache } from 'node:module'
import { asError } from '../../../src/base/errors.ts'
import { errorText } from '../../../src/cluster/agent/network-agent.ts'
import { ClusterNode } from '../../../src/cluster/node/node.ts'
import type { NodeOptions } from '../../../src/cluster/node/node-options.ts'
import { builtInKindsUrl } from '../../../src/cli/run/built-in-kinds.ts'
import { asNodeId } from '../../../src/cluster/protocol/index.ts'
import { openStore, storesUrl } from '../../../src/stores.ts'
import { isExpected } from '../../support/store/recipes.ts'
import type { NodeOrder, NodeTold } from './nodes.ts'

/** A node of a cluster, in a process of its own; tells its parent what happens. */

// As the command line does: its threads use it, too.
enableCompileCache()

const { id, cluster, storeUrl, host, ttlMs, stallMs, workers, api, snapshots } = JSON.parse(
  process.argv[2]!,
) as NodeOrder
process.on('disconnect', () => process.exit())

function tell(told: NodeTold): void {
  // The parent may be gone, and then so is this process.
  if (process.connected) process.send!(told, undefined, {}, () => undefined)
}

const options: NodeOptions = {
  cluster,
  id: asNodeId(id),
  storeUrl,
  openStore,
  workers,
  listen: { host, port: 0 },
  ...(api && { api: { port: 0 } }),
  ...(snapshots !== undefined && { snapshots }),
  ttlMs,
  stallMs,
  // In namespaces of their own, not on loopback.
  insecure: true,
  version: '0',
  builtInKinds: builtInKindsUrl,
  stores: storesUrl,
  events: {
    apiElsewhere: () => undefined,
    draining: () => undefined,
    drained: () => undefined,
    joined: ({ incarnation, control, api: address }) =>
      tell({ type: 'joined', incarnation, control, ...(address !== undefined && { api: address }) }),
    fenced: ({ message }) => tell({ type: 'fenced', message }),
    gaveUp: ({ message }) => tell({ type: 'gaveUp', message }),
    elected: () => tell({ type: 'elected' }),
    deposed: () => tell({ type: 'deposed' }),
    decided: (_network, what) => tell({ type: 'decided', what }),
    declaredDead: (of) => tell({ type: 'declaredDead', node: of }),
    failed: (_network, what, error) => tell({ type: 'failed', what, error: errorText(error) }),
    rejected: (_network, record) => tell({ type: 'rejected', what: JSON.stringify(record) }),
    logged: () => undefined,
    troubled: (what, { message }) => tell({ type: 'troubled', what, message }),
  },
}

/** As by whoever supervises it: where the store did not answer in time, once more. */
async function start(): Promise<ClusterNode> {
  for (;;)
    try {
      return await ClusterNode.start(options)
    } catch (error) {
      if (!isExpected(error)) throw error
      tell({ type: 'troubled', what: 'its start', message: asError(error).message })
    }
}

const node = await start()
process.on('message', () => {
  node.close().then(
    () => process.exit(),
    (error: unknown) => {
      process.stderr.write(`${id}: ${String(error)}\n`)
      process.exit(1)
    },
  )
})
