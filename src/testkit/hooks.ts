import type { StandardSchemaV1 } from '@standard-schema/spec'
import { VertigoError } from '../base/errors.ts'
import { deepFreeze } from '../base/freeze.ts'
import type { Failure } from './options.ts'

/** Observes the messages of one port at the tested component, and throws where the test wants a failure. */
export class PortHook {
  readonly #place: { readonly component: string; readonly port: string }
  readonly #schema: StandardSchemaV1 | undefined
  readonly #failures: Error[] = []

  /** `schema`: of an output port; inputs are checked by the engine. */
  constructor(
    place: { readonly component: string; readonly port: string },
    schema: StandardSchemaV1 | undefined,
  ) {
    this.#place = place
    this.#schema = schema
  }

  fail({ error, times = 1 }: Failure): void {
    const { component, port } = this.#place
    const thrown = error ?? new Error(`the test wanted port "${component}.${port}" to fail`)
    for (let i = 0; i < times; i++) this.#failures.push(thrown)
  }

  readonly onSend = (message: unknown): void => this.#observe(message)
  readonly onReceive = (message: unknown): void => this.#observe(message)

  #observe(message: unknown): void {
    const failure = this.#failures.shift()
    if (failure !== undefined) throw failure
    if (this.#schema !== undefined) this.#check(this.#schema, message)
    deepFreeze(message)
  }

  #check(schema: StandardSchemaV1, message: unknown): void {
    const result = schema['~standard'].validate(message)
    // A schema that has to wait cannot be asked in the middle of sending.
    if (result instanceof Promise || result.issues === undefined) return
    const [issue] = result.issues
    const path = (issue?.path ?? [])
      .map((step) => `.${String(typeof step === 'object' ? step.key : step)}`)
      .join('')
    const { component, port } = this.#place
    throw new VertigoError(
      'MESSAGE_INVALID',
      `what was sent to port "${component}.${port}" is not what it declares: message${path}: ${issue?.message ?? 'invalid'}`,
      { place: { port } },
    )
  }
}
