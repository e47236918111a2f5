import type { NodeEvent } from '../../cluster/node/node-event.ts'
import { printable } from '../report/text.ts'

/** An event of a node as a line. */
export function nodeText(event: NodeEvent): string {
  return printable(textOf(event))
}

function textOf(event: NodeEvent): string {
  switch (event.type) {
    case 'api-elsewhere':
      return `port ${event.wantedPort} is taken, so the API of this node is at ${event.api}`
    case 'joined': {
      const { node, cluster, address, api, workers, groups, pid } = event
      const more = [
        `control ${address}`,
        ...(api === undefined ? [] : [`API ${api}`]),
        `${workers} worker${workers === 1 ? '' : 's'}`,
        ...(groups.length === 0 ? [] : [`groups ${groups.join(', ')}`]),
        `process ${pid}`,
      ]
      return `node ${node} has joined the cluster ${cluster}: ${more.join(', ')}`
    }
    case 'fenced':
      return `lost its lease, ended all workers, and joins again: ${event.error.message}`
    case 'gave-up':
      return `gives up, and ends: ${event.error.message}`
    case 'elected':
      return 'is the manager'
    case 'deposed':
      return 'is the manager no more'
    case 'decided':
      return `${event.network}: ${event.text}`
    case 'declared-dead':
      return `found that node ${event.dead} is no more`
    case 'failed':
      return `${event.network}: ${event.text}: ${event.error.message}`
    case 'rejected': {
      const { component, instance, port, error } = event.record
      return `${event.network}: ${component}[${instance}] rejected a message of ${port}: ${firstLine(error.message)}`
    }
    case 'log': {
      const { component, instance, level, message, details } = event.record
      const more = details === undefined ? '' : ` ${JSON.stringify(details)}`
      return `${event.network}: ${component}[${instance}] ${level}: ${message}${more}`
    }
    case 'draining':
      return event.instances === 0
        ? 'leaves'
        : `leaves when its ${event.instances} instances have moved away; a second signal stops it at once`
    case 'drained':
      return event.left === 0 ? 'hosts nothing any more' : `leaves with ${event.left} instances: ${event.why}`
    case 'troubled':
      return `${event.text}: ${event.error.message}`
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}
