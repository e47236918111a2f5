import { z } from 'zod'
import { network } from '../../src/component/builder.ts'
import {
  defineComponent,
  defineFunction,
  defineSource,
  type LogRecord,
  port,
  type ErrorOutput,
  type RejectedMessage,
} from '../../src/component/index.ts'

/** Compiled, never run: what must compile does, and each `@ts-expect-error` marks what must not. */

interface User {
  readonly id: string
  readonly name?: string
}
interface Count {
  readonly word: string
  readonly count: number
}

const lines = defineSource({
  outputs: { out: port<string>() },
  config: z.object({ path: z.string(), follow: z.boolean().default(false) }),
  *read({ config }) {
    yield config.path
  },
})
const count = defineComponent({
  inputs: { word: port<string>() },
  outputs: { count: port<Count>() },
  config: z.object({ limit: z.number().default(3) }),
  on: { word: (word, { emit }) => emit.count({ word, count: 1 }) },
})
const anything = defineComponent({ inputs: { in: port() }, outputs: { out: port() } })
const either = defineComponent({
  inputs: { in: port<string | number>() },
  outputs: { out: port<string | number>() },
})
const wantsUser = defineComponent({ inputs: { in: port<User>() } })
const wantsFullUser = defineComponent({ inputs: { in: port<Required<User>>() } })
const checked = defineComponent({ inputs: { in: port(z.object({ id: z.string() })) } })

const net = network('types')

// Configuration follows the schema's input type.
const source = net.add('lines', lines, { config: { path: 'input.txt' } })
net.add('lines2', lines, { config: { path: 'input.txt', follow: true }, instances: 2, errors: 'reject' })
// @ts-expect-error the configuration has a required field
net.add('lines3', lines)
// @ts-expect-error the configuration has a required field
net.add('lines4', lines, { instances: 2 })
// @ts-expect-error a path is a string
net.add('lines5', lines, { config: { path: 5 } })
// @ts-expect-error there is no such field
net.add('lines6', lines, { config: { path: 'x', folow: true } })
// @ts-expect-error there is no such option
net.add('lines7', lines, { config: { path: 'x' }, instance: 2 })
const words = net.add('count', count)
net.add('count2', count, { config: { limit: 4 } })
net.add('count3', count, { config: {} })
// @ts-expect-error a limit is a number
net.add('count4', count, { config: { limit: '4' } })
// A kind without a schema takes plain JSON.
const any1 = net.add('any', anything, { config: { whatever: [1, 'two', null] } })
// @ts-expect-error a function is not JSON
net.add('any2', anything, { config: { whatever: () => 1 } })
// @ts-expect-error a module's namespace or any other object is no kind
net.add('any3', { default: anything })
// @ts-expect-error a string is no kind; that is `addKind`
net.add('any4', './kind.ts')

// Ports fit by their message types.
net.connect(source.outputs.out, words.inputs.word)
// @ts-expect-error counts are no words
net.connect(words.outputs.count, words.inputs.word)
// @ts-expect-error no such output
net.connect(source.outputs.ou, words.inputs.word)
// @ts-expect-error no such input
net.connect(source.outputs.out, words.inputs.words)
// @ts-expect-error a source has no inputs
net.connect(source.outputs.out, source.inputs.in)
// @ts-expect-error output to output
net.connect(source.outputs.out, words.outputs.count)
// @ts-expect-error input to input
net.connect(words.inputs.word, words.inputs.word)
// @ts-expect-error from input to output
net.connect(words.inputs.word, source.outputs.out)
// @ts-expect-error a component is no port
net.connect(source, words)
// @ts-expect-error a text is no port
net.connect('lines.out', 'count.word')

// Variance: what is sent must be among what is taken.
const union = net.add('union', either)
net.connect(source.outputs.out, union.inputs.in)
// @ts-expect-error numbers may come
net.connect(union.outputs.out, words.inputs.word)

// `port()` is a port of unknown: it takes everything and feeds only its like.
net.connect(source.outputs.out, any1.inputs.in)
net.connect(any1.outputs.out, any1.inputs.in)
// @ts-expect-error something unknown is not known to be a string
net.connect(any1.outputs.out, words.inputs.word)

// Optional fields.
const user = net.add('user', (line: string): User => ({ id: line }))
const full = net.add('full', (line: string): Required<User> => ({ id: line, name: line }))
const userSink = net.add('userSink', wantsUser)
const fullSink = net.add('fullSink', wantsFullUser)
net.connect(user.outputs.out, userSink.inputs.in)
net.connect(full.outputs.out, userSink.inputs.in)
net.connect(full.outputs.out, fullSink.inputs.in)
// @ts-expect-error the name may be missing
net.connect(user.outputs.out, fullSink.inputs.in)
net.connect(user.outputs.out, net.add('checked', checked).inputs.in)
// @ts-expect-error text is no object with an id
net.connect(source.outputs.out, net.add('checked2', checked).inputs.in)

// Inline functions: promises are awaited, generators send each item, undefined sends nothing.
const upper = net.add('upper', (text: string) => text.toUpperCase())
net.connect(upper.outputs.out, words.inputs.word)
const length = net.add('length', async (text: string) => text.length)
// @ts-expect-error numbers are no words
net.connect(length.outputs.out, words.inputs.word)
const letters = net.add('letters', function* (text: string) {
  yield* text
})
net.connect(letters.outputs.out, words.inputs.word)
const some = net.add('some', (text: string) => (text === '' ? undefined : text))
net.connect(some.outputs.out, words.inputs.word)
net.add('context', (text: string, { component, instance }) => `${component}[${instance}] ${text}`)
// @ts-expect-error no port of this name
net.connect(upper.outputs.result, words.inputs.word)
// @ts-expect-error the argument is a string
net.connect(length.outputs.out, upper.inputs.in)
net.add(
  'defined',
  defineFunction((text: string) => text.length, { concurrency: 4 }),
  { instances: 2 },
)

// What every component puts out.
const logged = net.add('logged', (record: LogRecord) => record.message)
const rejected = net.add('rejected', (message: RejectedMessage<string>) => message.message)
net.connect(words.outputs.info, logged.inputs.in)
net.connect(words.outputs.error, net.add('failed', (failed: ErrorOutput<string>) => failed).inputs.in)
net.connect(
  words.outputs.error,
  net.add('failed2', (failed: RejectedMessage<string> | LogRecord) => failed).inputs.in,
)
// @ts-expect-error what is logged as an error comes there too
net.connect(words.outputs.error, rejected.inputs.in)
// @ts-expect-error rejected users are no rejected strings
net.connect(userSink.outputs.error, rejected.inputs.in)
// @ts-expect-error a log record is no rejected message
net.connect(words.outputs.warn, rejected.inputs.in)
const ownError = net.add('ownError', defineComponent({ inputs: {}, outputs: { error: port<string>() } }))
net.connect(ownError.outputs.error, words.inputs.word)

// Constants.
net.initial(words.inputs.word, 'first')
// @ts-expect-error a word is a string
net.initial(words.inputs.word, 1)
// @ts-expect-error constants go to inputs
net.initial(words.outputs.count, { word: 'x', count: 1 })

// Subnets carry the types of what they export.
const inner = network('inner')
const innerCount = inner.add('count', count)
const subnet = inner.exports({
  inputs: { words: innerCount.inputs.word },
  outputs: { counts: innerCount.outputs.count, log: innerCount.outputs.info },
})
const sub = net.add('sub', subnet)
net.connect(source.outputs.out, sub.inputs.words)
net.connect(sub.outputs.log, logged.inputs.in)
// @ts-expect-error counts are no words
net.connect(sub.outputs.counts, words.inputs.word)
// @ts-expect-error it exports no such input
net.connect(source.outputs.out, sub.inputs.word)
// @ts-expect-error it exports no such output; a network has none of its own
net.connect(sub.outputs.error, any1.inputs.in)
// @ts-expect-error nothing is exported
net.connect(net.add('bare', network('bare')).outputs.out, any1.inputs.in)
// @ts-expect-error an output cannot be exported as an input
network('x').exports({ inputs: { x: words.outputs.count } })

// Addresses: the compiler believes what is declared.
const sink = net.addKind('sink', 'file-sink', {
  inputs: { in: port<Count>() },
  config: { path: 'out.jsonl' },
})
net.connect(words.outputs.count, sink.inputs.in)
// @ts-expect-error not as declared
net.connect(source.outputs.out, sink.inputs.in)
// @ts-expect-error not declared
net.connect(sink.outputs.out, any1.inputs.in)
// @ts-expect-error `any` is not what one gets by leaving the declaration out
net.connect(net.addKind('sink2', 'file-sink').outputs.out, any1.inputs.in)

// A network in use has a plain model.
export const model: { readonly name: string } = net.toNetwork()
