import { isKind, type Kind, kindDefinition, makeKind } from '../../component/kind.ts'
import type { Sink } from '../../component/sink.ts'
import { never, type StepMoment, type StepName } from './steps.ts'

/** Whether who comes to the step has ended there. */
export type EndsAt = (name: StepName, moment: StepMoment) => boolean

/**
 * The same kind, whose sink, where it has one, comes to a step before and after each of its calls. Who ends before a call has not made it; who ends
 * after it does not learn of it, whatever the target has.
 */
export function withSinkSteps(loaded: unknown, endsAt: EndsAt): unknown {
  if (!isKind(loaded)) return loaded
  const definition = kindDefinition(loaded)
  const { setup, sink } = definition
  if (setup === undefined && sink === undefined) return loaded
  const stepped = {
    ...definition,
    ...(sink !== undefined && { sink: steppedSink(sink as Sink, endsAt) }),
    ...(setup !== undefined && {
      setup: (...given: never[]) => settled(setup(...given), (made) => withSteppedSink(made, endsAt)),
    }),
  }
  const kind: Kind = makeKind(stepped)
  return kind
}

function withSteppedSink(made: unknown, endsAt: EndsAt): unknown {
  const { sink } = (made ?? {}) as { readonly sink?: Sink }
  return sink === undefined ? made : { ...(made as object), sink: steppedSink(sink, endsAt) }
}

function steppedSink(sink: Sink, endsAt: EndsAt): Sink {
  const step = <T>(name: StepName, act: () => T | PromiseLike<T>): T | PromiseLike<T> => {
    if (endsAt(name, 'before')) return never()
    return settled(act(), (result) => (endsAt(name, 'after') ? never<T>() : result))
  }
  return {
    prepare: (snapshot) => step('prepare-sink', () => sink.prepare(snapshot)),
    commit: (batch) => step('commit-sink', () => sink.commit(batch)),
    recover: (writer, published, since) => step('recover-sink', () => sink.recover(writer, published, since)),
  }
}

/** `then` at once where it is there at once, as the engine makes a difference between the two. */
function settled<T, U>(
  value: T | PromiseLike<T>,
  then: (value: T) => U | PromiseLike<U>,
): U | PromiseLike<U> {
  return isPromise(value) ? value.then(then) : then(value)
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}
