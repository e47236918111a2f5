import { VertigoError } from '../base/errors.ts'
import type { KindDefinition } from '../component/kind.ts'
import { type Call, callClosed, callDirect, callDiscard } from './call.ts'
import type { InstanceHost } from './host.ts'
import { Instance, type InstanceIdentity, type LifeHooks } from './instance.ts'
import { codeBridge, sharedContext, type SetupMeans } from './setup.ts'
import { isThenable } from './task-runner.ts'

/** The author's reader, types erased. */
interface Reader {
  poll(max: number, context: object): unknown
  close?(): unknown
}

const pollMessagesMax = 256
/** Before the size of its messages is known, a source is asked for few. */
const firstPollMessages = 8
const pollsPerTurn = 4

/** An instance that is asked for messages while there is room for them. */
export class SourceInstance extends Instance {
  private readonly means: SetupMeans
  private reader: Reader | undefined
  private call: Call
  private polling = false
  private exhausted = false

  constructor(
    identity: InstanceIdentity,
    definition: KindDefinition,
    host: InstanceHost,
    hooks: LifeHooks,
    means: SetupMeans,
  ) {
    super(identity, definition, host, hooks)
    this.means = means
    this.call = undefined as unknown as Call
  }

  actingCall(): Call {
    return this.call
  }

  get queuedMessages(): number {
    return 0
  }

  get isQuiet(): boolean {
    return this.state === 'finished'
  }

  protected async setUp(): Promise<void> {
    this.sharedContext = sharedContext(this, this.stop.signal, {})
    this.call = this.newCall()
    this.reader = await this.makeReader()
    this.closeAuthor = this.reader.close?.bind(this.reader)
  }

  setTimer(): void {
    throw new VertigoError('TIMER_UNKNOWN', 'a source has no timers; wait in `poll` instead')
  }

  cancelTimer(): void {
    // It has none.
  }

  /** Ends as if the input were exhausted. A poll that is under way is told by the signal; what it still emits is dropped. */
  drain(): void {
    if (this.exhausted || this.state !== 'running') return
    this.exhausted = true
    this.stop.abort(new VertigoError('STOPPED', `${this.place} was asked to end`))
    if (this.polling) this.call.mode = callDiscard
    this.polling = false
    this.wake()
  }

  protected get hasWork(): boolean {
    return !this.polling && (this.state === 'running' || this.exhausted)
  }

  protected work(): void {
    for (let polls = 0; polls < pollsPerTurn; polls++) {
      if (this.exhausted) {
        this.finish()
        return
      }
      if (this.polling || this.outbox.blocked > 0) return
      this.poll()
    }
  }

  private poll(): void {
    const { call } = this
    call.mode = callDirect
    const result = this.reader!.poll(this.room(), call.context)
    this.outbox.nextCall()
    if (!isThenable(result)) {
      call.mode = callClosed
      this.afterPoll(result)
      return
    }
    this.polling = true
    result.then(
      (settled) => {
        if (this.exhausted || this.state !== 'running') return
        call.mode = callClosed
        this.polling = false
        this.outbox.nextCall()
        try {
          this.afterPoll(settled)
        } catch (error) {
          this.fail(error)
          return
        }
        this.host.schedule(this)
      },
      (error: unknown) => {
        if (!this.exhausted && this.state === 'running') this.fail(error)
      },
    )
  }

  private afterPoll(result: unknown): void {
    if (result === 'done') this.exhausted = true
    else if (result !== 'more') {
      throw new VertigoError('SOURCE_MISUSED', `poll returned ${String(result)}; it returns "more" or "done"`)
    }
  }

  /** Messages that fit, as far as their sizes are known. */
  private room(): number {
    let room = this.sent === 0 ? firstPollMessages : pollMessagesMax
    for (const port of this.outputs) room = Math.min(room, port.room)
    return Math.max(1, room)
  }

  private async makeReader(): Promise<Reader> {
    const { definition } = this
    const context = {
      ...this.sharedContext,
      load: this.means.load,
      [codeBridge]: this.means.bridge,
    }
    if (definition.setup !== undefined) {
      const setup = definition.setup as (context: object) => unknown
      return (await setup(context)) as Reader
    }
    const read = definition.read as
      ((context: object) => Iterable<unknown> | AsyncIterable<unknown>) | undefined
    if (read === undefined) throw new VertigoError('SOURCE_MISUSED', 'a source needs `read` or `setup`')
    return this.iteratorReader(read(context))
  }

  /** Makes polls of an iterator: the engine asks message by message whether there is room. */
  private iteratorReader(items: Iterable<unknown> | AsyncIterable<unknown>): Reader {
    const { outbox } = this
    const port = this.outputs[0]
    // While an asynchronous iterator is waited for, the source may have been asked to end, or stopped.
    const mayGoOn = (): boolean => !this.exhausted && this.state === 'running'
    if (Symbol.iterator in items) {
      const iterator = items[Symbol.iterator]()
      return {
        poll(max) {
          for (let i = 0; i < max && outbox.blocked === 0; i++) {
            const step = iterator.next()
            if (step.done) return 'done'
            port?.send(step.value)
          }
          return 'more'
        },
        close: () => iterator.return?.(),
      }
    }
    const iterator = items[Symbol.asyncIterator]()
    return {
      async poll(max) {
        for (let i = 0; i < max && outbox.blocked === 0; i++) {
          const step = await iterator.next()
          if (step.done) return 'done'
          if (!mayGoOn()) break
          port?.send(step.value)
        }
        return 'more'
      },
      close: () => iterator.return?.(),
    }
  }
}
