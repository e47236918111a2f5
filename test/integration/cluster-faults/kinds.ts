import { appendFileSync } from 'node:fs'
import * as v from 'valibot'
import { machineClock } from '../../../src/base/clock.ts'
import { defineComponent, defineFunction, defineSource, port } from 'vertigo-flow'
import { type JournalLine, journalText, type Numbered } from './journal-lines.ts'

/** Kinds that write into a journal what they emit and get. */

const config = v.object({ journal: v.string(), periodMs: v.optional(v.number(), 40) })

interface Self {
  readonly component: string
  readonly instance: number
  readonly config: { readonly journal: string }
}

/** One life of an instance, with the numbers of what it emits. */
class Life {
  readonly name: string
  readonly #life: string
  readonly #journal: string
  #next = 0

  constructor({ component, instance, config: { journal } }: Self) {
    this.name = `${component}[${instance}]`
    this.#life = `${this.name}#${process.pid}-${Math.floor(Math.random() * 1e12)}`
    this.#journal = journal
    this.#write({
      type: 'born',
      life: this.#life,
      name: this.name,
      pid: process.pid,
      tMs: machineClock.monotonic(),
    })
  }

  next(before: { readonly atMs: number; readonly path: readonly string[] } | undefined): Numbered {
    const tMs = machineClock.monotonic()
    const n = this.#next++
    this.#write({ type: 'emits', life: this.#life, n, tMs })
    return { from: this.#life, n, atMs: before?.atMs ?? tMs, path: [...(before?.path ?? []), this.name] }
  }

  got(message: Numbered): void {
    this.#write({ type: 'gets', life: this.#life, message, tMs: machineClock.monotonic() })
  }

  #write(line: JournalLine): void {
    appendFileSync(this.#journal, journalText(process.pid, line))
  }
}

/** A message each period. */
export const ticks = defineSource({
  outputs: { out: port<Numbered>() },
  config,
  setup(context) {
    const life = new Life(context)
    return {
      poll: (_max, { emit }) =>
        new Promise((resolve) => {
          context.clock.after(context.config.periodMs, () => {
            if (!context.signal.aborted) emit.out(life.next(undefined))
            resolve('more')
          })
        }),
    }
  },
})

/** Sends on what it gets, as its own. */
export const hops = defineComponent({
  inputs: { in: port<Numbered>() },
  outputs: { out: port<Numbered>() },
  config,
  setup(context) {
    const life = new Life(context)
    return {
      on: {
        in(message, { emit }) {
          life.got(message)
          emit.out(life.next(message))
        },
      },
    }
  },
})

export const ends = defineComponent({
  inputs: { in: port<Numbered>() },
  config,
  setup(context) {
    const life = new Life(context)
    return { on: { in: (message) => life.got(message) } }
  },
})

/** Cannot be set up. */
export const unready = defineComponent({
  inputs: { in: port<Numbered>() },
  setup: () => {
    throw new Error('it is not ready')
  },
})

/** Fails now and then; `every` 1: at each message. */
export const fragile = defineComponent({
  inputs: { in: port<Numbered>() },
  config: v.object({ journal: v.string(), every: v.number() }),
  setup(context) {
    const life = new Life(context)
    let left = context.config.every
    return {
      on: {
        in(message) {
          if (--left === 0) throw new Error('it broke')
          life.got(message)
        },
      },
    }
  },
})

/** Blocks its thread without end. */
export const blocks = defineFunction(() => {
  for (;;);
})

/** What native code does that crashes: all of the process ends, without a word. */
function abort(): void {
  process.kill(process.pid, 'SIGABRT')
}

/** Takes its process along; while it is set up, or by a message. */
export const aborts = defineComponent({
  inputs: { in: port<Numbered>() },
  config: v.object({ journal: v.string(), atSetup: v.optional(v.number(), 0) }),
  setup({ config: { atSetup } }) {
    if (atSetup === 1) abort()
    return { on: { in: abort } }
  },
})

export const exits = defineFunction(() => {
  process.exit(3)
})
