import type { GroupContext } from '../component/context.ts'
import { defineComponent } from '../component/define.ts'
import type { GroupHandlers } from '../component/handlers.ts'
import type { Kind } from '../component/kind.ts'
import { port } from '../component/port.ts'

/**
 * What came out of a port, in its order. `in` names the groups around it, the outermost first (`undefined` where a
 * group has no name).
 */
export type Received<T> =
  | { readonly type: 'message'; readonly in: readonly (string | undefined)[]; readonly message: T }
  | {
      readonly type: 'group-start' | 'group-end'
      readonly in: readonly (string | undefined)[]
      readonly name: string | undefined
      readonly args: unknown
    }
  | { readonly type: 'batch-start' | 'batch-end'; readonly in: readonly []; readonly args: unknown }

/** Gathers what comes out of one output port; held, it takes only as many messages as the test lets through. */
export class Collector {
  readonly kind: Kind
  readonly received: Received<unknown>[] = []
  messages: unknown[] = []
  #held: boolean
  #allowed = 0
  readonly #waiting: (() => void)[] = []

  constructor(held: boolean) {
    this.#held = held
    const groups = this.#groupHandlers()
    this.kind = defineComponent({
      inputs: { in: port() },
      on: { in: (message) => this.#take(message, []) },
      groups: { in: { '*': groups } },
      batches: {
        in: {
          start: (args) => void this.received.push({ type: 'batch-start', in: [], args }),
          end: (args) => void this.received.push({ type: 'batch-end', in: [], args }),
        },
      },
    })
  }

  /** Lets `count` more messages through. */
  release(count: number): void {
    this.#allowed += Math.max(0, count)
    this.#open()
  }

  /** From now on everything is let through. */
  open(): void {
    this.#held = false
    this.#open()
  }

  /** What was released and has not come is not let through any more. */
  stopReleasing(): void {
    this.#allowed = 0
  }

  takeAll(): unknown[] {
    const { messages } = this
    this.messages = []
    return messages
  }

  #open(): void {
    while (this.#waiting.length > 0 && this.#isAllowed()) this.#waiting.shift()!()
  }

  #isAllowed(): boolean {
    if (!this.#held) return true
    if (this.#allowed === 0) return false
    this.#allowed--
    return true
  }

  #take(message: unknown, path: readonly (string | undefined)[]): Promise<void> | undefined {
    const record = (): void => {
      this.messages.push(message)
      this.received.push({ type: 'message', in: path, message })
    }
    if (this.#waiting.length > 0 || !this.#isAllowed()) {
      return new Promise((resolve) => {
        this.#waiting.push(() => {
          record()
          resolve()
        })
      })
    }
    record()
    return undefined
  }

  #groupHandlers(): GroupHandlers<unknown, { readonly group: GroupContext | undefined }> {
    const control = (type: 'group-start' | 'group-end', args: unknown, group: GroupContext): void => {
      this.received.push({ type, in: pathOf(group.parent), name: group.name, args })
    }
    const handlers: GroupHandlers<unknown, { readonly group: GroupContext | undefined }> = {
      start: (args, { group }) => control('group-start', args, group),
      message: (message, { group }) => this.#take(message, pathOf(group)),
      end: (args, { group }) => control('group-end', args, group),
      get groups() {
        return { '*': handlers }
      },
    }
    return handlers
  }
}

function pathOf(group: GroupContext | undefined): (string | undefined)[] {
  return group === undefined ? [] : [...pathOf(group.parent), group.name]
}
