import { env } from 'node:process'
import type { MemoryCase } from '../lib/memory-case.ts'
import { slowSink } from './slow-sink.ts'

/** The network that the environment asks for: worker threads build the same one. */
const { kind, count } = JSON.parse(env['MEMORY_CASE']!) as MemoryCase
export default slowSink(kind, count)
