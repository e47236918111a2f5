import { needlessWarning } from './needless-warning.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'

/**
 * Code of the user's runs in this thread: what would end the process without a word becomes an error. `process.exit`
 * throws, in place of ending everything; errors outside of any call go to `onError`.
 */
export function guardUserCode(onError: (error: VertigoError) => void): () => void {
  const exit = process.exit.bind(process)
  process.exit = (code): never => {
    // The cause keeps the stack of the call where the error is given the name of its component.
    const cause = new Error('process.exit was called')
    throw new VertigoError('COMPONENT_EXITED', `process.exit(${code ?? ''}) was called`, { cause })
  }
  const onThrown = (thrown: unknown): void => onError(outsideError(thrown))
  const allowWarning = withoutNeedlessWarning()
  process.on('uncaughtException', onThrown)
  process.on('unhandledRejection', onThrown)
  return () => {
    process.exit = exit
    allowWarning()
    process.off('uncaughtException', onThrown)
    process.off('unhandledRejection', onThrown)
  }
}

function withoutNeedlessWarning(): () => void {
  type Emit = (
    warning: string | Error,
    second?: string | { readonly code?: unknown } | Function,
    code?: string | Function,
    constructor?: Function,
  ) => void
  const emitWarning = process.emitWarning.bind(process) as Emit
  const filtered: Emit = (warning, second, third, constructor) => {
    const code = typeof second === 'object' ? second.code : third
    if (code !== needlessWarning) emitWarning(warning, second, third, constructor)
  }
  process.emitWarning = filtered
  return () => {
    process.emitWarning = emitWarning
  }
}

function outsideError(thrown: unknown): VertigoError {
  if (isVertigoError(thrown)) return thrown
  const error = asError(thrown)
  return new VertigoError('COMPONENT_FAILED', `an error outside of any handler: ${error.message}`, {
    cause: error,
    remedy: 'Await what modules and handlers start, so that its errors belong to somebody.',
  })
}

/** Modules of the user's run while they are loaded, and may do anything. */
export async function withUserCode<T>(action: () => Promise<T>): Promise<T> {
  let unguard = (): void => undefined
  const failed = new Promise<never>((_, reject) => {
    unguard = guardUserCode(reject)
  })
  try {
    return await Promise.race([action(), failed])
  } finally {
    unguard()
  }
}
