import * as v from 'valibot'
import { VertigoError } from '../../base/errors.ts'
import {
  type InstanceContext,
  type PollResult,
  type Port,
  type SourcePositions,
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
  'config' | 'component' | 'instance' | 'instances' | 'clock' | 'signal'
> & { readonly positions: SourcePositions | undefined }
type Ports<T> = { readonly out: Port<T> }

const positionVersion = 1

/** A part of the sequence: every `instances`-th number. Its name, `1/3`, says which. */
interface Share {
  readonly instances: number
  /** Of the next number. */
  index: number
}

class SequenceReader<T> implements SourceReader<Ports<T>> {
  readonly #context: SequenceContext
  readonly #make: (n: number) => T
  readonly #pause: Pause
  readonly #end: number
  readonly #startMs: number
  /** One from the beginning; after the number of instances has changed, any number of them, or none. */
  readonly #shares: readonly Share[]
  #turn = 0

  constructor(context: SequenceContext, make: (n: number) => T) {
    this.#context = context
    this.#make = make
    this.#pause = new Pause(context.clock, context.signal)
    this.#end = context.config.count ?? Infinity
    this.#shares = sharesOf(context)
    this.#startMs = context.clock.monotonic() - this.#elapsedMs()
  }

  poll(
    max: number,
    { emit }: { readonly emit: { readonly out: (message: T) => void } },
  ): PollResult | Promise<PollResult> {
    if (this.#pause.closed) return 'done'
    const share = this.#next()
    if (share === undefined) return 'done'
    const { from, step, rate } = this.#context.config
    const { instances } = share
    const make = this.#make
    let { index } = share
    let end = Math.min(this.#end, index + max * instances)
    if (rate !== undefined) end = Math.min(end, this.#dueBefore(rate))
    if (index >= end) return this.#untilDue(share, rate!)
    for (; index < end; index += instances) {
      emit.out(make(from + index * step))
      share.index = index + instances
    }
    return this.#isOver ? 'done' : 'more'
  }

  positions(): SourcePositions {
    return Object.fromEntries(
      this.#shares.map(({ instances, index }) => [
        `${index % instances}/${instances}`,
        { version: positionVersion, position: index },
      ]),
    )
  }

  close(): void {
    this.#pause.close()
  }

  get #isOver(): boolean {
    return this.#shares.every(({ index }) => index >= this.#end)
  }

  /** The share that is furthest behind, where there is a rate; else the next in turn. */
  #next(): Share | undefined {
    const open = this.#shares.filter(({ index }) => index < this.#end)
    if (this.#context.config.rate === undefined) return open[this.#turn++ % Math.max(1, open.length)]
    return open.reduce<Share | undefined>(
      (a, b) => (a !== undefined && a.index <= b.index ? a : b),
      undefined,
    )
  }

  /** For how long it has been sending, by its rate: it goes on from where it was, and makes up for no pause. */
  #elapsedMs(): number {
    const { rate } = this.#context.config
    if (rate === undefined || this.#context.positions === undefined) return 0
    return (Math.min(...this.#shares.map(({ index }) => index)) * 1000) / rate
  }

  /** Index behind the last message that is due: message `i` is due at `i / rate` seconds after the start. */
  #dueBefore(rate: number): number {
    return Math.floor(((this.#context.clock.monotonic() - this.#startMs) * rate) / 1000) + 1
  }

  async #untilDue({ index }: Share, rate: number): Promise<PollResult> {
    const dueMs = this.#startMs + (index * 1000) / rate
    // At least a millisecond: at high rates each wait then brings several messages.
    await this.#pause.wait(Math.max(1, dueMs - this.#context.clock.monotonic()))
    return this.#pause.closed ? 'done' : 'more'
  }
}

function sharesOf({ component, instance, instances, positions }: SequenceContext): Share[] {
  if (positions === undefined) return [{ instances, index: instance }]
  return Object.entries(positions).map(([split, { version, position }]) => {
    const [rest, of] = split.split('/').map(Number) as [number, number]
    const isOurs = version === positionVersion && Number.isSafeInteger(position) && Number.isSafeInteger(of)
    if (!isOurs || of < 1 || (position as number) % of !== rest)
      throw new VertigoError(
        'SOURCE_POSITION_LOST',
        `The generator "${component}" has no part "${split}" to go on in.`,
        {
          place: { component },
        },
      )
    return { instances: of, index: position as number }
  })
}
