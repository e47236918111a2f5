import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { hookNames, type Hooks } from '../component/hooks.ts'
import type { ModuleAddress } from './assignment.ts'

/** Loads a module of hooks. Errors: HOOK_INVALID for what is none: a misspelt hook would otherwise never be called. */
export async function loadHooks(
  module: ModuleAddress,
  means: { readonly load: (module: ModuleAddress) => Promise<unknown> },
): Promise<Hooks> {
  const loaded = await means.load(module)
  if (typeof loaded !== 'object' || loaded === null || Object.keys(loaded).length === 0) {
    throw new VertigoError('HOOK_INVALID', `"${module.address}" exports no hooks.`)
  }
  for (const [name, hook] of Object.entries(loaded)) {
    if (!hookNames.includes(name as keyof Hooks)) {
      throw new VertigoError(
        'HOOK_INVALID',
        `"${module.address}": there is no hook "${name}".${didYouMean(name, hookNames)}`,
      )
    }
    if (typeof hook !== 'function') {
      throw new VertigoError('HOOK_INVALID', `"${module.address}": the hook "${name}" is not a function.`)
    }
  }
  return loaded
}
