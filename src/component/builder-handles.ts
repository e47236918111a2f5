import type { LogLevel, LogRecord } from './context.ts'
import type { MessageOf, Ports } from './port.ts'

declare const sends: unique symbol
declare const takes: unique symbol

/** An output port of a component of a network: what `connect` takes first. A handle of `string` serves as one of `string | number`. */
export interface OutputHandle<out T> {
  readonly [sends]: T
  readonly direction: 'output'
  readonly component: string
  readonly port: string
}

/** An input port of a component of a network: what `connect` takes second. A handle of `string | number` serves as one of `string`. */
export interface InputHandle<in T> {
  readonly [takes]: (message: T) => void
  readonly direction: 'input'
  readonly component: string
  readonly port: string
}

/** A message that was given up by `errors: reject`, as the port `error` sends it. */
export interface RejectedMessage<T = unknown> {
  readonly message: T
  readonly error: { readonly name: string; readonly message: string; readonly code?: string }
  readonly component: string
  /** 0-based number of the instance. */
  readonly instance: number
  /** The input port that the message came to. */
  readonly port: string
  /** Milliseconds since 1970. */
  readonly timeMs: number
}

/** What the port `error` sends: rejected messages, and what the component logs by `log.error` (those have a `level`). */
export type ErrorOutput<T = unknown> = RejectedMessage<T> | LogRecord

/** Outputs that every component has without declaring them. */
export type ImplicitOutputs<I extends Ports> = {
  /** Messages that were rejected, and errors that were logged. */
  readonly error: OutputHandle<ErrorOutput<MessageOf<I[keyof I]>>>
} & {
  /** What the component logs at this level. */
  readonly [L in Exclude<LogLevel, 'error'>]: OutputHandle<LogRecord>
}

/** The inputs of a component that was added, by their names: what `connect` leads to. */
export type InputHandles<I extends Ports> = { readonly [P in keyof I]: InputHandle<MessageOf<I[P]>> }

/** The outputs of a component that was added, by their names: what `connect` leads from. */
export type OutputHandles<O extends Ports> = { readonly [P in keyof O]: OutputHandle<MessageOf<O[P]>> }

/** A component that was added to a network, by its ports. */
export interface ComponentHandle<I extends Ports, O extends Ports> {
  readonly name: string
  readonly inputs: InputHandles<I>
  readonly outputs: OutputHandles<O> & Omit<ImplicitOutputs<I>, keyof O>
}

/** A network that was added to another as a component, by the ports that it exports. */
export interface SubnetHandle<I extends Ports, O extends Ports> {
  readonly name: string
  readonly inputs: InputHandles<I>
  readonly outputs: OutputHandles<O>
}
