import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { ComponentHandle } from './builder-handles.ts'
import type { Ports } from './port.ts'

/** A handle at run time, where its type is gone. */
export interface AnyHandle {
  readonly direction: 'input' | 'output'
  readonly component: string
  readonly port: string
}

/** Makes the port handles of one network, and knows them again. */
export class HandleMaker {
  readonly #network: string
  readonly #own = new WeakSet<object>()

  constructor(network: string) {
    this.#network = network
  }

  make(
    component: string,
    inputs: readonly string[],
    outputs: readonly string[],
  ): ComponentHandle<Ports, Ports> {
    const handle = {
      name: component,
      inputs: this.#handles(component, 'input', inputs),
      outputs: this.#handles(component, 'output', outputs),
    }
    return Object.freeze(handle) as unknown as ComponentHandle<Ports, Ports>
  }

  /** `component.port` of a handle, which must be one of this network's, of this direction. */
  text(value: unknown, direction: 'input' | 'output'): string {
    const handle = value as AnyHandle | null | undefined
    if (typeof handle !== 'object' || handle === null || !('direction' in handle))
      throw new VertigoError('HANDLE_INVALID', `An ${direction} port is needed, not ${describe(value)}.`)
    const text = `${handle.component}.${handle.port}`
    if (handle.direction !== direction)
      throw new VertigoError(
        'HANDLE_INVALID',
        `"${text}" is an ${handle.direction}, where an ${direction} is needed.`,
      )
    if (!this.#own.has(handle))
      throw new VertigoError(
        'HANDLE_FOREIGN',
        `"${text}" is a port of another network than "${this.#network}".`,
        { place: { component: handle.component, port: handle.port } },
      )
    return text
  }

  #handles(component: string, direction: 'input' | 'output', names: readonly string[]): object {
    const handles = new Map<string, AnyHandle>()
    for (const port of names) {
      const handle = Object.freeze({ direction, component, port })
      this.#own.add(handle)
      handles.set(port, handle)
    }
    return new Proxy(Object.fromEntries(handles), {
      get: (target, name) => {
        if (typeof name === 'symbol') return Reflect.get(target, name) as unknown
        const handle = handles.get(name)
        // `then` and `toJSON` are asked for by the language itself.
        if (handle !== undefined) return handle
        if (name === 'then' || name === 'toJSON' || name in target)
          return Reflect.get(target, name) as unknown
        throw unknownPort(component, direction, name, names)
      },
    })
  }
}

function unknownPort(
  component: string,
  direction: string,
  port: string,
  names: readonly string[],
): VertigoError {
  const known = names.length === 0 ? `It has no ${direction}s.` : `Its ${direction}s: ${names.join(', ')}.`
  return new VertigoError(
    'PORT_UNKNOWN',
    `"${component}" has no ${direction} "${port}".${didYouMean(port, names)} ${known}`,
    { place: { component, port } },
  )
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `the text "${value}"`
  if (value === null || value === undefined) return String(value)
  const parts = value as { readonly inputs?: unknown; readonly outputs?: unknown }
  if (typeof value === 'object' && (parts.inputs !== undefined || parts.outputs !== undefined))
    return 'a component: name its port, as in `split.inputs.line`'
  return `a value of type ${typeof value}`
}
