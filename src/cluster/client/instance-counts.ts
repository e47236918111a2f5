import type { MissingNode } from './instance-log.ts'

/** What an instance has done since it was started where it is. */
export interface InstanceCounts {
  readonly component: string
  readonly index: number
  readonly node: string
  readonly worker: number
  readonly received: number
  readonly sent: number
  /** Messages that wait at it. */
  readonly queued: number
  readonly rejected: number
  /** It waits for room where it sends to. */
  readonly isBlocked: boolean
}

/** Of a component, over its instances on one node. */
export interface MetricValue {
  readonly node: string
  readonly component: string
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** A number; of a histogram, its percentiles. */
  readonly value: unknown
}

export interface NetworkCounts {
  readonly instances: readonly InstanceCounts[]
  readonly metrics: readonly MetricValue[]
  /** Nodes with instances that did not answer in time. */
  readonly missing: readonly MissingNode[]
}

/** Asks the nodes: nothing of this stands in the store. */
export interface CountsReader {
  read(network: string): Promise<NetworkCounts>
}
