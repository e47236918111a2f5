import { VertigoError } from '../../base/errors.ts'
import type { ClientPorts } from '../../component/client-port.ts'
import { codeBridge } from '../code-bridge.ts'

/** The way to the node. Errors: BRIDGE_MISSING, in a run that is no cluster's. */
export function clientPortsOf(context: { readonly component: string }): ClientPorts {
  const bridge = (context as { readonly [codeBridge]?: { readonly clientPorts?: ClientPorts } })[codeBridge]
  if (bridge?.clientPorts !== undefined) return bridge.clientPorts
  const { component } = context
  throw new VertigoError(
    'BRIDGE_MISSING',
    `${component}: is for exported ports of networks in a cluster, where it is put by itself`,
    {
      place: { component },
      remedy: 'Export the port under `exports`, and leave the component out.',
    },
  )
}
