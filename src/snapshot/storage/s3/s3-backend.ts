import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import type * as sdk from '@aws-sdk/client-s3'
import { assert } from '../../../base/assert.ts'
import { isVertigoError, VertigoError } from '../../../base/errors.ts'
import type { Page, StorageBackend, WriteOptions } from '../storage.ts'
import { s3Error } from './s3-errors.ts'

export type S3Sdk = typeof sdk

export interface S3StorageOptions {
  readonly bucket: string
  /** In front of all names, without slashes at its ends. Default: none. */
  readonly prefix?: string
  /** Of a service that is not AWS: `http://host:9000`. Buckets are named in the path then. */
  readonly endpoint?: string
  /** Default: what the SDK finds, else `us-east-1`. */
  readonly region?: string
  /** Default: what the SDK finds (environment, profile, role of the machine). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** Objects up to this length are sent in one request; larger ones in parts of this length. */
export const partBytes = 16 * 1024 * 1024
/** A bound of the protocol: an object holds at most this many parts, so 156 GiB. */
const partsMax = 10_000
const connectTimeoutMs = 10_000
const requestTimeoutMs = 60_000

/**
 * Objects in a bucket. An object is there once its last request was answered; what a killed process has sent of a large one is
 * not seen, and stays until a rule of the bucket removes it (`AbortIncompleteMultipartUpload`).
 */
export class S3StorageBackend implements StorageBackend {
  readonly about: string
  readonly place = 'shared'
  readonly #sdk: S3Sdk
  readonly #client: sdk.S3Client
  readonly #bucket: string
  readonly #prefix: string

  constructor({ bucket, prefix = '', endpoint, region, credentials }: S3StorageOptions, s3: S3Sdk) {
    this.#bucket = bucket
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.about = `s3://${bucket}/${prefix}`
    this.#sdk = s3
    this.#client = new s3.S3Client({
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      region: region ?? process.env['AWS_REGION'] ?? 'us-east-1',
      ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
      requestHandler: { connectionTimeout: connectTimeoutMs, requestTimeout: requestTimeoutMs },
      // Services that are not AWS know MD5, which is sent with each upload; what is read is verified by the object's own.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  }

  async check(): Promise<void> {
    const command = new this.#sdk.HeadBucketCommand({ Bucket: this.#bucket })
    await this.#answer(undefined, this.#client.send(command))
  }

  async write(name: string, content: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
    const parts = inParts(content)
    const first = await parts.next()
    const body = first.done === true ? Buffer.alloc(0) : first.value
    if (body.length < partBytes) return this.#put(name, body, options)
    await this.#putLarge(name, body, parts, options)
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const command = new this.#sdk.GetObjectCommand({ Bucket: this.#bucket, Key: this.#key(name) })
    const { Body: body } = await this.#answer(name, this.#client.send(command, { abortSignal: signal }))
    try {
      yield* body as unknown as AsyncIterable<Uint8Array>
    } catch (error) {
      const cause = s3Error(this.about, name, error)
      if (signal.aborted || cause instanceof VertigoError) throw cause
      throw new VertigoError(
        'SNAPSHOT_STORAGE_UNREACHABLE',
        `${this.about} broke off while ${name} was read.`,
        {
          cause,
        },
      )
    }
  }

  async page(prefix: string, after: string, countMax: number, signal: AbortSignal): Promise<Page> {
    const names: string[] = []
    let token: string | undefined
    do {
      const command = new this.#sdk.ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#key(prefix),
        ...(after === '' ? {} : { StartAfter: this.#key(after) }),
        MaxKeys: countMax - names.length,
        ContinuationToken: token,
      })
      const answer = await this.#answer(undefined, this.#client.send(command, { abortSignal: signal }))
      for (const { Key } of answer.Contents ?? []) names.push(Key!.slice(this.#prefix.length))
      token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined
    } while (token !== undefined && names.length < countMax)
    return { names, more: token !== undefined }
  }

  async delete(name: string, signal: AbortSignal): Promise<void> {
    const command = new this.#sdk.DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#key(name) })
    await this.#answer(undefined, this.#client.send(command, { abortSignal: signal }))
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  async #put(name: string, body: Buffer, { ifAbsent, signal }: WriteOptions): Promise<void> {
    const command = new this.#sdk.PutObjectCommand({
      Bucket: this.#bucket,
      Key: this.#key(name),
      Body: body,
      ContentMD5: md5(body),
      ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
    })
    await this.#answer(name, this.#client.send(command, { abortSignal: signal }))
  }

  async #putLarge(
    name: string,
    first: Buffer,
    rest: AsyncIterable<Buffer>,
    { ifAbsent, signal }: WriteOptions,
  ): Promise<void> {
    const target = { Bucket: this.#bucket, Key: this.#key(name) }
    const begin = new this.#sdk.CreateMultipartUploadCommand(target)
    const { UploadId } = await this.#answer(name, this.#client.send(begin, { abortSignal: signal }))
    const upload = { ...target, UploadId }
    try {
      const parts: sdk.CompletedPart[] = [await this.#putPart(name, upload, 1, first, signal)]
      for await (const body of rest) {
        assert(parts.length < partsMax, `${name} is longer than ${partsMax} parts of ${partBytes} bytes`)
        parts.push(await this.#putPart(name, upload, parts.length + 1, body, signal))
      }
      const command = new this.#sdk.CompleteMultipartUploadCommand({
        ...upload,
        MultipartUpload: { Parts: parts },
        ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
      })
      await this.#answer(name, this.#client.send(command, { abortSignal: signal }))
    } catch (error) {
      await this.#abandon(upload, error)
      throw error
    }
  }

  async #putPart(
    name: string,
    upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined },
    number: number,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<sdk.CompletedPart> {
    const command = new this.#sdk.UploadPartCommand({
      ...upload,
      PartNumber: number,
      Body: body,
      ContentMD5: md5(body),
    })
    const { ETag } = await this.#answer(name, this.#client.send(command, { abortSignal: signal }))
    return { ETag, PartNumber: number }
  }

  async #abandon(upload: sdk.AbortMultipartUploadCommandInput, why: unknown): Promise<void> {
    try {
      // Without the signal, which may be why.
      await this.#client.send(new this.#sdk.AbortMultipartUploadCommand(upload))
    } catch (error) {
      const cause = new AggregateError([why, error], 'An upload failed, and could not be removed.')
      if (!isVertigoError(why)) throw cause
      throw new VertigoError(why.code, `${why.message} What was sent of it could not be removed.`, { cause })
    }
  }

  /** What a request gives. `name`: of the object that it is about. */
  async #answer<Output>(name: string | undefined, request: Promise<Output>): Promise<Output> {
    try {
      return await request
    } catch (error) {
      throw s3Error(this.about, name, error)
    }
  }

  #key(name: string): string {
    return `${this.#prefix}${name}`
  }
}

function md5(body: Buffer): string {
  return createHash('md5').update(body).digest('base64')
}

/** The content in parts of `partBytes`; the last one may be shorter. */
async function* inParts(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of content) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + partBytes - bytes)
      pieces.push(part)
      bytes += part.length
      at += part.length
      if (bytes < partBytes) continue
      yield Buffer.concat(pieces)
      pieces = []
      bytes = 0
    }
  }
  if (bytes > 0) yield Buffer.concat(pieces)
}
