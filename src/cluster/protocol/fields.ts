import * as v from 'valibot'
import {
  asGeneration,
  asInstanceId,
  asNodeId,
  asTerm,
  asVersion,
  asWorkerNumber,
  type Generation,
  type InstanceId,
  type NetworkVersion,
  type NodeId,
  type Term,
  type WorkerNumber,
} from './numbers.ts'

/** Fields that several records have. */

const whole = v.pipe(v.number(), v.integer(), v.minValue(0))

export const count = whole
export const timeMs = v.number()
export const text = v.string()
export const texts = v.array(v.string())
export const term: v.GenericSchema<unknown, Term> = v.pipe(whole, v.transform(asTerm))
export const generation: v.GenericSchema<unknown, Generation> = v.pipe(whole, v.transform(asGeneration))
export const version: v.GenericSchema<unknown, NetworkVersion> = v.pipe(whole, v.transform(asVersion))
export const instanceId: v.GenericSchema<unknown, InstanceId> = v.pipe(whole, v.transform(asInstanceId))
export const workerNumber: v.GenericSchema<unknown, WorkerNumber> = v.pipe(whole, v.transform(asWorkerNumber))
export const nodeId: v.GenericSchema<unknown, NodeId> = v.pipe(v.string(), v.transform(asNodeId))

/** Host and port of something that listens. */
export const address = v.object({ host: v.string(), port: whole })
export type Address = v.InferOutput<typeof address>

/** An error as it is kept: what a person needs to see. */
export const errorText = v.object({
  code: v.string(),
  message: v.string(),
  component: v.optional(v.string()),
  remedy: v.optional(v.string()),
  stack: v.optional(v.string()),
})
export type ErrorText = v.InferOutput<typeof errorText>
