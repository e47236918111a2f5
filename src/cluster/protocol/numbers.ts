/**
 * The numbers by which a cluster tells new from old, and the parts of a network from one another. Branded, so that one is
 * not taken for another; all are whole and grow.
 */

/** Of a manager: the create revision of its key in the election. A later manager has a greater one. */
export type Term = number & { readonly __brand: 'term' }

/** Of a network's plan: 1, 2, ...; 0 stands for "no plan". */
export type Generation = number & { readonly __brand: 'generation' }

/** Of a network as users want it: 1, 2, ... */
export type NetworkVersion = number & { readonly __brand: 'version' }

/** Of one life of an instance in its network. Below `instanceIdsMax`. */
export type InstanceId = number & { readonly __brand: 'instance' }

/** Of a worker in its network, over all nodes; never used twice. */
export type WorkerNumber = number & { readonly __brand: 'worker' }

/** Names a node: given by its operator, or made at its first start. */
export type NodeId = string & { readonly __brand: 'node' }

export const asTerm = (value: number): Term => value as Term
export const asGeneration = (value: number): Generation => value as Generation
export const asVersion = (value: number): NetworkVersion => value as NetworkVersion
export const asInstanceId = (value: number): InstanceId => value as InstanceId
export const asWorkerNumber = (value: number): WorkerNumber => value as WorkerNumber
export const asNodeId = (value: string): NodeId => value as NodeId

export const noGeneration = asGeneration(0)
