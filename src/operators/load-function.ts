import { VertigoError } from '../base/errors.ts'

/** What of an instance's context it takes to load the function that its configuration names. */
export interface Loading {
  readonly component: string
  readonly config: { readonly function: string }
  load(address: string): Promise<unknown>
}

export type LoadedFunction = (message: unknown) => unknown

/** The function that `config.function` names: an export itself, or the default export of a module. */
export async function loadFunction(context: Loading): Promise<LoadedFunction> {
  const { component, config } = context
  const loaded = await context.load(config.function)
  const found = isModule(loaded) ? loaded.default : loaded
  if (typeof found === 'function') return found as LoadedFunction
  throw new VertigoError(
    'CONFIG_INVALID',
    `${component}: config field "function": "${config.function}" is ${describe(found)}, not a function`,
    {
      remedy:
        'Name an exported function: "./rules.ts" for the default export, "./rules.ts#isError" for another.',
      place: { component, path: `components.${component}.config.function` },
    },
  )
}

function isModule(value: unknown): value is { readonly default: unknown } {
  return typeof value === 'object' && value !== null && 'default' in value
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
