import { VertigoError } from '../../../base/errors.ts'
import { type S3Sdk, S3StorageBackend, type S3StorageOptions } from './s3-backend.ts'

/**
 * Opens object storage by the protocol of S3. Rejects with PACKAGE_NOT_FOUND where the SDK is not installed, with
 * SNAPSHOT_STORAGE_NOT_FOUND where there is no such bucket, and with SNAPSHOT_STORAGE_REFUSED, SNAPSHOT_STORAGE_UNREACHABLE.
 */
export async function openS3Backend(options: S3StorageOptions): Promise<S3StorageBackend> {
  const backend = new S3StorageBackend(options, await loadSdk())
  await backend.check()
  return backend
}

/** `load`: tests give one that fails. */
export async function loadSdk(
  load: () => Promise<S3Sdk> = () => import('@aws-sdk/client-s3'),
): Promise<S3Sdk> {
  try {
    return await load()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new VertigoError(
      'PACKAGE_NOT_FOUND',
      'Snapshots in S3 need the package @aws-sdk/client-s3, which is not installed.',
      { cause, remedy: 'Install it beside vertigo-flow: `npm install @aws-sdk/client-s3`.' },
    )
  }
}
