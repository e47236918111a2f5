import * as connectors from '../../connectors/index.ts'
import { isKind } from '../../component/index.ts'
import * as operators from '../../operators/index.ts'

/** How the check file writes a built-in kind. */
export interface BuiltInSource {
  readonly from: 'connectors' | 'operators'
  /** The name that the package exports. */
  readonly name: string
  /**
   * `kind`: the export is the kind. `of-input`: it is a function of the message type, which is that of what comes in.
   * `of-function`: it is a function that makes the kind of the one that `config.function` names; `pass` where it sends
   * on what comes in.
   */
  readonly form: 'kind' | 'of-input' | 'of-function' | 'pass'
}

const operatorForms: Readonly<Record<string, Omit<BuiltInSource, 'from'>>> = {
  counter: { name: 'counter', form: 'of-input' },
  take: { name: 'take', form: 'of-input' },
  throttle: { name: 'throttle', form: 'of-input' },
  map: { name: 'map', form: 'of-function' },
  'flat-map': { name: 'flatMap', form: 'of-function' },
  filter: { name: 'filter', form: 'pass' },
  tap: { name: 'tap', form: 'pass' },
}

/** Undefined for what is no built-in kind. */
export function builtInSource(kind: string): BuiltInSource | undefined {
  const form = Object.hasOwn(operatorForms, kind) ? operatorForms[kind] : undefined
  if (form !== undefined) return { from: 'operators', ...form }
  for (const [from, exported] of [
    ['connectors', connectors],
    ['operators', operators],
  ] as const)
    for (const [name, value] of Object.entries(exported) as [string, unknown][])
      if (isKind(value) && value.builtIn === kind) return { from, name, form: 'kind' }
  return undefined
}
