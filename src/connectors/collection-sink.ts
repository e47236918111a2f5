import * as v from 'valibot'
import { VertigoError } from '../base/errors.ts'
import { configObject, text } from '../component/built-in-config.ts'
import {
  builtInKind,
  defineComponent,
  port,
  type SharedCollections,
  type SharedWrite,
  type Sink,
} from '../component/index.ts'
import { Staging } from './staging.ts'

const config = v.pipe(
  configObject({
    /** Name of the map that messages are put into; or give `counter`. */
    map: v.optional(text()),
    /** For a map: path of the field that is the key, such as `word` or `order.id`: a text or a number. */
    key: v.optional(text()),
    /** For a map: path of the field that is the value. Default: the whole message. */
    value: v.optional(text()),
    /** Name of the counter that messages are added to. */
    counter: v.optional(text()),
    /** For a counter: path of the field with the whole number to add. Default: each message adds 1. */
    by: v.optional(text()),
  }),
  v.check(({ map, counter }) => (map === undefined) !== (counter === undefined), 'needs `map` or `counter`'),
  v.check(
    ({ map, key }) => (map === undefined) === (key === undefined),
    'needs `key` with `map`, and only with it',
  ),
)

/** About what a change costs while it waits; its value is not measured. */
const changeBytes = 200

/**
 * Sink `collection-sink`: puts messages into a shared map, or adds them to a shared counter, which components and programs read
 * (`context.shared`, or the collections of a cluster).
 *
 * Where snapshots are taken, what belongs to a committed snapshot is published with it, in one transaction of the store with the number of
 * the snapshot: nothing twice, and nothing that is taken back. Of several values for a key the last one counts. More than 100 keys in a
 * snapshot are published in several steps. Without snapshots, each message is written as it comes.
 *
 * Errors: `MESSAGE_UNFIT`, `SINK_AHEAD`, those of the store.
 */
export const collectionSink = builtInKind(
  'collection-sink',
  defineComponent({
    description: 'Puts messages into a shared map, or adds them to a shared counter.',
    inputs: { in: port() },
    config,
    setup(context) {
      const { component, config, publishes, shared } = context
      const write = (message: unknown): SharedWrite => writeOf(message, config, component)
      if (publishes === 'at-once')
        return { on: { in: (message: unknown) => writeNow(shared, write(message)) } }
      const staging = new Staging<SharedWrite>()
      const sink: Sink<readonly SharedWrite[]> = {
        prepare() {
          const changes = staging.take()
          return changes.length === 0 ? undefined : changes
        },
        isFull: () => staging.isFull,
        commit: ({ writer, snapshot, staged }) => shared.publish({ writer, snapshot, changes: staged }),
        recover: (writer) => shared.published(writer),
      }
      return { on: { in: (message: unknown) => staging.add(write(message), changeBytes) }, sink }
    },
  }),
)

function writeOf(
  message: unknown,
  { map, key: keyPath, value, counter, by }: v.InferOutput<typeof config>,
  component: string,
): SharedWrite {
  if (counter !== undefined) {
    const delta = by === undefined ? 1 : fieldAt(message, by)
    if (Number.isSafeInteger(delta)) return { type: 'add', counter, delta: delta as number }
    throw unfit(component, `its field "${by}" is no whole number`)
  }
  const key = fieldAt(message, keyPath!)
  if (typeof key !== 'string' && typeof key !== 'number')
    throw unfit(component, `its field "${keyPath}" is neither a text nor a number`)
  const put = value === undefined ? message : fieldAt(message, value)
  if (put === undefined) throw unfit(component, `it has no field "${value}"`)
  return { type: 'put', map: map!, key: String(key), value: put }
}

async function writeNow(shared: SharedCollections, write: SharedWrite): Promise<void> {
  if (write.type === 'add') await shared.counter(write.counter).add(write.delta)
  else if (write.type === 'put') await shared.map(write.map).set(write.key, write.value)
}

function unfit(component: string, what: string): VertigoError {
  return new VertigoError('MESSAGE_UNFIT', `${component}: a message does not fit the collection: ${what}`, {
    place: { component, port: 'in' },
  })
}

/** The value that a path such as `order.id` leads to. */
function fieldAt(message: unknown, path: string): unknown {
  let at = message
  for (const step of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Readonly<Record<string, unknown>>)[step]
  }
  return at
}
