import fc from 'fast-check'
import type {
  Component,
  Connection,
  ErrorPolicy,
  InitialPacket,
  Json,
  Network,
  Selector,
} from '../../../src/model/network.ts'
import { isVertigoError, type VertigoError } from '../../../src/base/errors.ts'

const names = ['a', 'b', 'c', 'constructor', 'to-String', '1', '_x', 'Read']
/** What can be the name of a component. */
export const componentName = fc.oneof(
  fc.constantFrom(...names),
  fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/).filter((found) => found !== '__proto__'),
)
const port = fc.constantFrom('in', 'out', 'IN', 'x1', 'dead_letter', '__proto__')
/** A text like any other where it is a value. */
const reserved = fc.constant('__proto__')
const text = fc.oneof({ weight: 9, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) }, reserved)
const someText = fc.oneof(
  { weight: 9, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }) },
  reserved,
)

/** JSON values without -0, which JSON text cannot say, and without the field that parsers refuse. */
export const json = fc
  .oneof({ weight: 9, arbitrary: fc.jsonValue({ maxDepth: 2 }) }, reserved, fc.tuple(reserved))
  .map((value) => JSON.parse(JSON.stringify(value)) as Json)
  .filter((value) => !JSON.stringify(value).includes('"__proto__":'))

const modules = fc.array(fc.constantFrom('./hook.ts', 'pkg/hook#x'), { maxLength: 2 })

const selector: fc.Arbitrary<Selector> = fc.oneof(
  fc.constantFrom(
    'round-robin' as const,
    'random' as const,
    'hash' as const,
    'fair' as const,
    'all' as const,
  ),
  fc.constantFrom({ type: 'all' as const }, { type: 'fair' as const }, { type: 'hash' as const }),
  fc.constant({ type: 'hash' as const, key: 'user.id' }),
  fc.constant({ type: 'custom' as const, kind: './select.ts' }),
)

const errors: fc.Arbitrary<ErrorPolicy> = fc.oneof(
  fc.constantFrom('fail' as const, 'reject' as const),
  fc.record(
    {
      retry: fc.record(
        { times: fc.integer({ min: 1, max: 9 }), delayMs: fc.nat(1000) },
        { requiredKeys: [] },
      ),
      then: fc.constantFrom('fail' as const, 'reject' as const),
    },
    { requiredKeys: ['retry'] },
  ),
)

const component: fc.Arbitrary<Component> = fc.record(
  {
    kind: fc.constantFrom('file-lines', './split.ts', '../x/y.ts#named', 'pkg/sub', './sub.yaml'),
    config: fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      json,
      { maxKeys: 3, noNullPrototype: true },
    ),
    instances: fc.integer({ min: 1, max: 1024 }),
    group: someText,
    placement: fc.record(
      {
        labels: fc.dictionary(fc.constantFrom('zone', 'disk'), someText, { noNullPrototype: true }),
        spread: fc.constant('node' as const),
        apart: fc.array(componentName, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
    concurrency: fc.integer({ min: 1, max: 100 }),
    order: fc.constantFrom('input' as const, 'completion' as const),
    errors,
    hooks: modules,
  },
  { requiredKeys: ['kind'] },
)

const ports = (components: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(components.length === 0 ? componentName : fc.constantFrom(...components), port)
    .map(([component, end]) => `${component}.${end}`)

/** Networks whose form is right; their meaning may be nonsense. */
export const networks: fc.Arbitrary<Network> = fc
  .dictionary(componentName, component, { maxKeys: 5, noNullPrototype: true })
  .chain((components) => {
    const ref = ports(Object.keys(components))
    const connection: fc.Arbitrary<Connection> = fc.record(
      {
        from: ref,
        to: ref,
        selector,
        back: fc.boolean(),
        hooks: fc.record({ send: modules, receive: modules }, { requiredKeys: [] }),
      },
      { requiredKeys: ['from', 'to'] },
    )
    const initialPacket: fc.Arbitrary<InitialPacket> = fc.record({ to: ref, value: json })
    const exported = fc.dictionary(fc.constantFrom('p', 'q', 'Q'), ref, { noNullPrototype: true })
    return fc.record(
      {
        name: fc.constantFrom('word-count', 'n', 'My_net.2'),
        description: text,
        guarantee: fc.constantFrom(
          'exactly-once' as const,
          'at-least-once' as const,
          'at-most-once' as const,
        ),
        snapshot: fc.record(
          {
            intervalMs: fc.integer({ min: 50, max: 100_000 }),
            timeoutMs: fc.integer({ min: 100, max: 100_000 }),
            keep: fc.integer({ min: 1, max: 100 }),
            storage: fc.constantFrom('file:///snapshots', 's3://bucket/prefix'),
          },
          { requiredKeys: [] },
        ),
        components: fc.constant(components),
        connections: fc.array(connection, { maxLength: 6 }),
        initial: fc.array(initialPacket, { maxLength: 3 }),
        exports: fc.record({ inputs: exported, outputs: exported }, { requiredKeys: [] }),
        deadLetter: someText,
      },
      { requiredKeys: ['name', 'components', 'connections'] },
    )
  })
  // Plain objects: the library makes some without prototype.
  .map((network) => JSON.parse(JSON.stringify(network)) as Network)

/** What `action` throws, as lines of text: code, position, path, message. */
export function faultsOf(action: () => unknown): string[] {
  try {
    action()
  } catch (error) {
    if (isVertigoError(error))
      return error.faults.length === 0 ? [faultLine(error)] : error.faults.map(faultLine)
    throw error
  }
  throw new Error('nothing was thrown')
}

export function faultLine({ code, place, message }: VertigoError): string {
  const position = place.line === undefined ? '' : ` ${place.line}:${place.column}`
  return `${code}${position}${place.path === undefined ? '' : ` ${place.path}`} | ${message}`
}
