import { z } from 'zod'
import { defineComponent, defineFunction, defineSource } from '../../src/component/define.ts'
import { port } from '../../src/component/port.ts'
import { list, map, value } from '../../src/component/state.ts'

/** Compiled, never run: what must compile does, and each `@ts-expect-error` marks what must not. */

export const counter = defineComponent({
  inputs: { word: port<string>() },
  outputs: { count: port<{ word: string; count: number }>() },
  state: { seen: value(0), by: map<string, number>(), all: list<string>() },
  config: z.object({ limit: z.number().default(3) }),
  on: {
    word(word, { emit, state, config }) {
      emit.count({ word, count: state.seen.update((n) => n + 1) })
      state.by.set(word, config.limit)
      state.all.push(word.toUpperCase())
      // @ts-expect-error a number is not a count
      emit.count(3)
      // @ts-expect-error no such port
      emit.counts({ word, count: 1 })
      // @ts-expect-error no such state
      state.nothing.get()
    },
  },
})

export const withSetup = defineComponent({
  inputs: { line: port(z.object({ id: z.string() })) },
  outputs: { out: port<string>() },
  setup({ config, log, pump }) {
    log.info('x')
    pump('line', 'out')
    void config
    return {
      on: {
        line: async (line, { emit }) => {
          await Promise.resolve()
          emit.out(line.id)
        },
      },
      drain: ({ emit }) => emit.out('end'),
    }
  },
})

export const generator = defineComponent({
  inputs: { n: port<number>() },
  outputs: { out: port<number>() },
  on: {
    *n(n, { emit }) {
      for (let i = 0; i < n; i++) {
        emit.out(i)
        yield
      }
    },
  },
})

export const timed = defineComponent({
  inputs: { n: port<number>() },
  outputs: { out: port<number>() },
  on: {
    n(_n, { timers }) {
      timers.after('flush', 100)
    },
  },
  timers: { flush: ({ emit }) => emit.out(1) },
})

export const upper = defineFunction((text: string) => text.toUpperCase())
export const maybe = defineFunction((text: string) => (text === '' ? undefined : text.length))
export const source = defineSource({
  outputs: { out: port<number>() },
  config: z.object({ to: z.number() }),
  *read({ config }) {
    for (let i = 0; i < config.to; i++) yield i
  },
})
export const out: { readonly out: { readonly '~'?: never } } | undefined = undefined

const names = { inputs: { name: port<string>() }, outputs: { length: port<number>() } } as const

export const undeclaredPort = defineComponent({
  ...names,
  on: {
    // @ts-expect-error there is no input "names"
    names: () => undefined,
  },
})

export const undeclaredGroupPort = defineComponent({
  ...names,
  groups: {
    // @ts-expect-error there is no input "names"
    names: { '*': { start: () => undefined } },
  },
})

export const undeclaredPortOfSetup = defineComponent({
  ...names,
  // @ts-expect-error there is no input "names"
  setup() {
    return { on: { names: () => undefined } }
  },
})

export const wrongArgument = defineComponent({
  ...names,
  on: {
    // @ts-expect-error the port's messages are texts
    name: (n: number) => void n,
  },
})

export const wrongGroupArgument = defineComponent({
  ...names,
  groups: {
    name: {
      '*': {
        // @ts-expect-error the port's messages are texts
        message: (n: number) => void n,
      },
    },
  },
})

export const wrongUses = defineComponent({
  ...names,
  state: { seen: value(0) },
  config: z.object({ limit: z.number() }),
  on: {
    name(_name, { state, config, timers, inputs, emit }) {
      // @ts-expect-error a text is no number
      state.seen.set('1')
      // @ts-expect-error no such field
      void config.limits
      // @ts-expect-error no such timer
      timers.after('flsh', 1)
      // @ts-expect-error no such input
      inputs.names.pause()
      const group = emit.length.group('g')
      // @ts-expect-error a text is no number
      group.send('1')
      const batch = emit.length.batch()
      // @ts-expect-error a text is no number
      batch.send('1')
    },
  },
  timers: { flush: () => undefined },
})

export const wrongPump = defineComponent({
  ...names,
  setup({ pump }) {
    // @ts-expect-error no such input
    pump('names', 'length')
    // @ts-expect-error no such output
    pump('name', 'lengths')
  },
})

export const wrongRead = defineSource({
  outputs: { out: port<number>() },
  // @ts-expect-error the port's messages are numbers
  *read() {
    yield 'one'
  },
})

// @ts-expect-error a source needs `read` or `setup`
export const noReader = defineSource({ outputs: { out: port<number>() } })
