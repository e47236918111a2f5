import { fileURLToPath } from 'node:url'
import { asError, VertigoError } from '../../base/errors.ts'

/** stub */
export async function explainLoadError(thrown: unknown, url: string): Promise<VertigoError> {
  return new VertigoError(
    'KIND_LOAD_FAILED',
    `${fileURLToPath(url)} failed while it was loaded: ${asError(thrown).message}`,
    {
      cause: thrown,
      place: { file: fileURLToPath(url) },
    },
  )
}
