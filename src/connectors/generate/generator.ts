import * as v from 'valibot'
import {
  type InstanceContext,
  type PollResult,
  type Port,
  type SourceReader,
  builtInKind,
  defineSource,
  port,
} from '../../component/index.ts'
import { configObject, wholeNumber } from '../../component/built-in-config.ts'
import { Pause } from './pause.ts'
import { type Template, compileTemplate } from './template.ts'

const numberMessage = 'must be a number'
const rateMessage = 'must be a number above 0'

const sequenceFields = {
  /** How many, over all instances. Default: without end. */
  count: v.optional(wholeNumber(0)),
  /** The first number. Default 0. */
  from: v.optional(v.pipe(v.number(numberMessage), v.finite(numberMessage)), 0),
  /** From one number to the next. Default 1. */
  step: v.optional(v.pipe(v.number(numberMessage), v.finite(numberMessage)), 1),
  /** Messages per second, over all instances. Default: as fast as they are taken. */
  rate: v.optional(v.pipe(v.number(rateMessage), v.gtValue(0, rateMessage))),
}

const sequence = configObject(sequenceFields)
const records = configObject({
  ...sequenceFields,
  /** What each message looks like; in its texts `{n}` stands for the number, and a text `{n}` alone is the number itself. */
  record: v.record(v.string(), v.unknown(), 'must be an object'),
})

/**
 * Source `generator`: the numbers `from`, `from + step` and so on, `count` of them. Several instances share them out:
 * instance `i` sends those whose place in the sequence modulo the number of instances is `i`.
 */
export const generator = builtInKind(
  'generator',
  defineSource({
    description: 'Sends numbers, at full speed or at a rate.',
    outputs: { out: port<number>() },
    config: sequence,
    rewinds: true,
    setup: (context) => new SequenceReader<number>(context, (n) => n),
  }),
)

/** Source `record-generator`: as `generator`, with a record made of each number: `{ id: '{n}', name: 'user-{n}' }`. */
export const recordGenerator = builtInKind(
  'record-generator',
  defineSource({
    description: 'Sends records made of a template and a running number, at full speed or at a rate.',
    outputs: { out: port<Readonly<Record<string, unknown>>>() },
    config: records,
    rewinds: true,
    setup(context) {
      const make = compileTemplate(context.config.record) as Template<Readonly<Record<string, unknown>>>
      return new SequenceReader(context, make)
    },
  }),
)

type Sequence = v.InferOutput<typeof sequence>
type SequenceContext = Pick<
  InstanceContext<{}, Sequence>,
  'config' | 'instance' | 'instances' | 'clock' | 'signal'
>
type Ports<T> = { readonly out: Port<T> }

class SequenceReader<T> implements SourceReader<Ports<T>> {
  readonly #context: SequenceContext
  readonly #make: (n: number) => T
  readonly #pause: Pause
  readonly #end: number
  readonly #startMs: number
  #index: number

  constructor(context: SequenceContext, make: (n: number) => T) {
    this.#context = context
    this.#make = make
    this.#pause = new Pause(context.clock, context.signal)
    this.#end = context.config.count ?? Infinity
    this.#startMs = context.clock.monotonic()
    this.#index = context.instance
  }

  poll(
    max: number,
    { emit }: { readonly emit: { readonly out: (message: T) => void } },
  ): PollResult | Promise<PollResult> {
    if (this.#pause.closed) return 'done'
    const { config, instances } = this.#context
    const { from, step, rate } = config
    const make = this.#make
    let index = this.#index
    let end = Math.min(this.#end, index + max * instances)
    if (rate !== undefined) end = Math.min(end, this.#dueBefore(rate))
    if (index >= end && index < this.#end) return this.#untilDue(rate!)
    for (; index < end; index += instances) emit.out(make(from + index * step))
    this.#index = index
    return index < this.#end ? 'more' : 'done'
  }

  close(): void {
    this.#pause.close()
  }

  /** Index behind the last message that is due: message `i` is due at `i / rate` seconds after the start. */
  #dueBefore(rate: number): number {
    return Math.floor(((this.#context.clock.monotonic() - this.#startMs) * rate) / 1000) + 1
  }

  async #untilDue(rate: number): Promise<PollResult> {
    const dueMs = this.#startMs + (this.#index * 1000) / rate
    // At least a millisecond: at high rates each wait then brings several messages.
    await this.#pause.wait(Math.max(1, dueMs - this.#context.clock.monotonic()))
    return this.#pause.closed ? 'done' : 'more'
  }
}
