import { VertigoError } from '../../../base/errors.ts'
import { didYouMean } from '../../../base/suggest.ts'
import {
  clientPortName,
  type ClientPortSide,
  type ClusterView,
  isStillEnding,
  type NetworkView,
  type NodeId,
} from '../../protocol/index.ts'

/** Where the instance behind an exported port is; or what it waits for. */
export type PortPlace = { readonly node: NodeId } | { readonly waits: string }

/**
 * Where a network that was undeployed is deployed again before it has ended, outputs are still those of before, for who reads what is committed
 * there; what is sent is for what begins then, and waits for it.
 *
 * Errors: NETWORK_UNKNOWN, PORT_UNKNOWN, PORT_CLOSED.
 */
export function placeOfPort(
  view: ClusterView,
  network: string,
  side: ClientPortSide,
  port: string,
): PortPlace {
  const known = view.networks.get(network)
  if (known?.desired === undefined) {
    const near = didYouMean(network, [...view.networks.keys()])
    throw new VertigoError('NETWORK_UNKNOWN', `There is no network "${network}".${near}`)
  }
  const plan = known.plan?.value
  const component = clientPortName(side, port)
  const isOfBefore = isStillEnding(known)
  // What drains has its last messages still.
  const isStopped = side === 'output' && (known.desired.value.goal === 'stop' || isOfBefore)
  const planned =
    plan?.instances.find((one) => one.component === component && !one.draining) ??
    (isStopped ? plan?.instances.find((one) => one.component === component) : undefined)
  // What is deployed then may export other ones.
  if (!isOfBefore || side === 'input' || planned === undefined) checkExport(known, side, port)
  if (isOfBefore && side === 'input') return { waits: 'what was undeployed is coming to its end' }
  checkLives(known, isStopped && planned !== undefined)
  const worker = plan?.workers.find((one) => one.worker === planned?.worker)
  if (worker !== undefined) return { node: worker.node }
  const reason = plan?.waiting.find((one) => one.component === component)?.reason
  return { waits: reason ?? 'the network is being deployed' }
}

function checkExport({ name, desired, versions }: NetworkView, side: ClientPortSide, port: string): void {
  const exports = versions.get(desired!.value.version)?.value.flat.exports
  const [own, other] =
    side === 'input' ? [exports?.inputs, exports?.outputs] : [exports?.outputs, exports?.inputs]
  if (own !== undefined && Object.hasOwn(own, port)) return
  if (other !== undefined && Object.hasOwn(other, port)) {
    const how = side === 'input' ? 'an output: it is read from' : 'an input: it is sent to'
    throw new VertigoError('PORT_UNKNOWN', `The exported port "${port}" of "${name}" is ${how}.`)
  }
  const names = Object.keys(own ?? {})
  const have = names.length === 0 ? `It exports no ${side}s.` : `Its ${side}s: ${names.join(', ')}.`
  const message = `The network "${name}" exports no ${side} "${port}". ${have}${didYouMean(port, names)}`
  throw new VertigoError('PORT_UNKNOWN', message, {
    remedy: `Write it under \`exports.${side}s\` of the network, and deploy that again.`,
  })
}

/** `gives`: it is stopped, and readers whose stream breaks meanwhile can come back for what it has for them. */
function checkLives({ name, desired, outcome }: NetworkView, gives: boolean): void {
  const { goal, version } = desired!.value
  const ended = (what: string): VertigoError =>
    new VertigoError('PORT_CLOSED', `The network "${name}" ${what}: its exported ports are closed.`)
  const isOver = outcome?.value.version === version && outcome.value.state === 'stopped'
  if (goal === 'stop' && (isOver || !gives))
    throw ended(outcome?.value.state === 'stopped' ? 'was undeployed' : 'is being undeployed')
  if (outcome?.value.version !== version) return
  if (outcome.value.state === 'failed') throw ended('has failed')
  if (outcome.value.state === 'finished') throw ended('has finished')
}
