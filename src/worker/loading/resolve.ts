import { registerHooks } from 'node:module'

/**
 * The URL of what `specifier` means in a module at the URL `parent`: as `import.meta.resolve` there would say.
 *
 * `import.meta.resolve` itself only speaks for the module that it stands in, and `require.resolve` does not know the condition
 * `import`. So a hook that exists for this one synchronous call puts the other parent in. That way it is Node that resolves,
 * with all its rules and the conditions that it was started with.
 *
 * Throws what Node throws: `ERR_MODULE_NOT_FOUND`, `ERR_PACKAGE_PATH_NOT_EXPORTED`, and the like. That a relative
 * path leads to a file is not checked.
 */
export function resolveFrom(specifier: string, parent: string): string {
  const hooks = registerHooks({
    resolve: (text, context, next) => next(text, { ...context, parentURL: parent }),
  })
  try {
    return import.meta.resolve(specifier)
  } finally {
    hooks.deregister()
  }
}
