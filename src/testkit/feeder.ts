import { VertigoError } from '../base/errors.ts'
import type { Output, OutputBatch, OutputGroup } from '../component/context.ts'
import { defineSource } from '../component/define.ts'
import type { Kind } from '../component/kind.ts'
import { port } from '../component/port.ts'
import { MessageCodec } from '../wire/message-codec.ts'

const codec = new MessageCodec()

/**
 * Brings what a test sends into one input port. It is a source like any other: the engine asks it for messages while
 * there is room, so what the component does not take waits here.
 */
export class Feeder {
  readonly kind: Kind
  /** `component.port` that it feeds: for errors. */
  readonly #place: { readonly component: string; readonly port: string }
  #actions: { readonly run: (out: Output<unknown>) => void; readonly messages: number }[] = []
  #waiting: ((result: 'more' | 'done') => void) | undefined
  #ended = false

  constructor(place: { readonly component: string; readonly port: string }) {
    this.#place = place
    this.kind = defineSource({
      outputs: { out: port() },
      setup: () => ({ poll: (max, { emit }) => this.#poll(max, emit.out) }),
    })
  }

  /** Messages that the component has not had room for. */
  get waiting(): number {
    return this.#actions.reduce((sum, action) => sum + action.messages, 0)
  }

  send(message: unknown): void {
    this.#add((out) => out(this.#checked(message)), message)
  }

  group(name: string | undefined, args: unknown): OutputGroup<unknown> {
    let group: OutputGroup<unknown> | undefined
    this.#add((out) => (group = out.group(name, args)), args, 0)
    return this.#groupHandle(() => group!)
  }

  batch(args: unknown): OutputBatch<unknown> {
    let batch: OutputBatch<unknown> | undefined
    this.#add((out) => (batch = out.batch(args)), args, 0)
    return this.#groupHandle(() => batch!)
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  #groupHandle(at: () => OutputBatch<unknown>): OutputGroup<unknown> {
    return {
      send: (message) => this.#add(() => at().send(message), message),
      group: (name, args) => {
        let inner: OutputGroup<unknown> | undefined
        this.#add(() => (inner = at().group(name, args)), args, 0)
        return this.#groupHandle(() => inner!)
      },
      end: (args) => this.#add(() => at().end(args), args, 0),
    }
  }

  #add(run: (out: Output<unknown>) => void, value: unknown, messages = 1): void {
    if (this.#ended) {
      const { component, port: name } = this.#place
      throw new VertigoError('BRIDGE_CLOSED', `something was sent to "${component}.${name}" after its end`)
    }
    this.#checked(value)
    this.#actions.push({ run, messages })
    this.#wake()
  }

  /** What cannot travel is said to the test at the call, with the path to it. */
  #checked(value: unknown): unknown {
    const found = codec.fault([value])
    if (found === undefined) return value
    const { path, problem } = found.fault
    const { component, port: name } = this.#place
    throw new VertigoError(
      'MESSAGE_NOT_ENCODABLE',
      `what the test sends to "${component}.${name}" cannot be a message: ${path === '' ? 'it' : `message${path}`} ${problem}`,
      { place: this.#place },
    )
  }

  #poll(max: number, out: Output<unknown>): 'more' | 'done' | Promise<'more' | 'done'> {
    const taken = this.#actions.splice(0, max)
    for (const { run } of taken) run(out)
    if (this.#actions.length > 0) return 'more'
    if (this.#ended) return 'done'
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  #wake(): void {
    this.#waiting?.('more')
    this.#waiting = undefined
  }
}
