import { VertigoError } from '../../base/errors.ts'
import { type Kind, type Port, builtInKind, defineComponent, port } from '../../component/index.ts'
import { bridgeOf } from '../code-bridge.ts'
import { configObject } from '../../component/built-in-config.ts'
import { type CollectorOptions, CollectorQueue } from './collector-queue.ts'

/** What `collector` gives: the kind for the network and the end that code holds. */
export interface Collector<T> extends AsyncIterable<T> {
  readonly kind: Kind<{ readonly in: Port<T> }, {}>
  /** What has gathered so far and was not taken by iterating. */
  readonly collected: readonly T[]
  /** Everything, once the network has ended; rejects when it failed. */
  toArray(): Promise<T[]>
}

/**
 * Makes a sink that gives its messages to code of the same thread, for one run:
 *
 * ```ts
 * const output = collector<number>()
 * net.add('out', output.kind)
 * for await (const n of output) console.log(n) // back-pressure: the network goes no faster than this loop
 * const all = await output.toArray()     // or everything at the end
 * ```
 */
export function collector<T>(options: CollectorOptions = {}): Collector<T> {
  const queue = new CollectorQueue<T>(options)
  const instances = new OpenInstances()
  return {
    kind: defineComponent({
      description: 'Gives its messages to code.',
      placement: 'main',
      inputs: { in: port<T>() },
      setup: ({ component, instances: count }) => instances.behaviour(queue, component, count),
    }),
    get collected() {
      return queue.collected
    },
    toArray: () => queue.toArray(),
    [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator](),
  }
}

/** Counts the instances of one collector that have drained: the last one ends the queue. */
class OpenInstances {
  #drained = 0

  behaviour<T>(queue: CollectorQueue<T>, component: string, instances: number) {
    let drained = false
    return {
      on: { in: (message: T) => queue.put(message) },
      drain: (): void => {
        drained = true
        this.#drained++
        if (this.#drained === instances) queue.end()
      },
      close: (): void => {
        if (drained) return
        const message = `${component}: the network ended before all messages had come`
        queue.fail(new VertigoError('BRIDGE_CLOSED', message, { place: { component } }))
      },
    }
  }
}

/** Of each queue of a bridge, so that several instances of a component count together. */
const instancesOf = new WeakMap<CollectorQueue, OpenInstances>()

/** Sink `collector` of networks in files: gives its messages to the code that runs the network. */
export const collectorKind = builtInKind(
  'collector',
  defineComponent({
    description: 'Gives its messages to the code that runs the network.',
    placement: 'main',
    inputs: { in: port() },
    config: configObject({}),
    setup(context) {
      const queue = bridgeOf(context).output(context.component)
      const known = instancesOf.get(queue) ?? new OpenInstances()
      instancesOf.set(queue, known)
      return known.behaviour(queue, context.component, context.instances)
    },
  }),
)
