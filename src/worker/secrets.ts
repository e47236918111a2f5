import { readFile } from 'node:fs/promises'
import { errorFromData, errorToData, VertigoError } from '../base/errors.ts'
import {
  holdsReference,
  referencesIn,
  replaceReferences,
  type SecretReference,
} from '../model/secret-references.ts'
import type { WorkerEvents } from './worker-means.ts'

const fileBytesMax = 1024 * 1024
/** Shorter ones are not taken out of texts: they would be found in words that have nothing to do with them. */
const hiddenLengthMin = 4
/** Levels of a value that are looked through. */
const depthMax = 20

type Config = Readonly<Record<string, unknown>>

/**
 * What the references in configurations stand for, in one worker.
 *
 * - SE-1 They are read when an instance is set up, on the machine and in the process that it runs on.
 * - SE-2 What leaves the worker about itself (errors, logs) shows the reference where the secret was.
 */
export class Secrets {
  /** References by the secret; the longest first, since one may be part of another. */
  private known: readonly (readonly [secret: string, reference: string])[] = []

  /** The configuration with secrets in it. Errors: SECRET_MISSING. */
  async resolve(config: Config, component: string): Promise<Config> {
    if (!holdsReference(config)) return config
    return (await this.inValue(config, component, ['config'])) as Config
  }

  /** A value without the secrets; the same one where there are none in it. */
  hide<T>(value: T): T {
    if (this.known.length === 0) return value
    return this.hideIn(value, depthMax) as T
  }

  hideInError(error: unknown): unknown {
    if (this.known.length === 0) return error
    const data = errorToData(error)
    const hidden = this.hideIn(data, depthMax) as typeof data
    return hidden === data ? error : errorFromData(hidden)
  }

  private async inValue(value: unknown, component: string, path: readonly string[]): Promise<unknown> {
    if (!holdsReference(value)) return value
    if (typeof value === 'string') return this.inText(value, component, path)
    if (Array.isArray(value))
      return Promise.all(value.map((item, i) => this.inValue(item, component, [...path, String(i)])))
    const fields = await Promise.all(
      Object.entries(value as Config).map(
        async ([name, field]) => [name, await this.inValue(field, component, [...path, name])] as const,
      ),
    )
    return Object.fromEntries(fields)
  }

  private async inText(text: string, component: string, path: readonly string[]): Promise<string> {
    const values = new Map<string, string>()
    for (const reference of referencesIn(text)) {
      const value = await read(reference).catch((cause: unknown) => {
        throw missing(reference, component, path, cause)
      })
      if (value === undefined) throw missing(reference, component, path)
      values.set(reference.text, value)
      this.remember(value, reference.text)
    }
    return replaceReferences(text, values)
  }

  private remember(secret: string, reference: string): void {
    if (secret.length < hiddenLengthMin || this.known.some(([known]) => known === secret)) return
    this.known = [...this.known, [secret, reference] as const].toSorted(([a], [b]) => b.length - a.length)
  }

  private hideIn(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.hideInText(value)
    if (typeof value !== 'object' || value === null || depth === 0) return value
    if (Array.isArray(value)) {
      const items = value.map((item: unknown) => this.hideIn(item, depth - 1))
      return items.some((item, i) => item !== value[i]) ? items : value
    }
    if (value instanceof Error) return this.hideInError(value)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return value
    let isChanged = false
    const fields = Object.entries(value).map(([name, field]) => {
      const hidden = [this.hideInText(name), this.hideIn(field, depth - 1)] as const
      isChanged ||= hidden[0] !== name || hidden[1] !== field
      return hidden
    })
    return isChanged ? Object.fromEntries(fields) : value
  }

  private hideInText(text: string): string {
    let hidden = text
    for (const [secret, reference] of this.known) {
      // As it stands in addresses, too.
      for (const form of new Set([secret, encodeURIComponent(secret)]))
        hidden = hidden.replaceAll(form, reference)
    }
    return hidden
  }
}

/** Events that show references in place of secrets. */
export function withoutSecrets(events: WorkerEvents, secrets: Secrets): WorkerEvents {
  return {
    finished: () => events.finished(),
    ...(events.awaitsSnapshot && { awaitsSnapshot: (id, awaits) => events.awaitsSnapshot?.(id, awaits) }),
    ...(events.instanceFinished && { instanceFinished: (id) => events.instanceFinished?.(id) }),
    ...(events.linkFailed && { linkFailed: (worker, error) => events.linkFailed?.(worker, error) }),
    failed: (error, id) => events.failed(secrets.hideInError(error), id),
    // The message itself is data that the network carries; it is given back as it is.
    rejected: (record, taken) => events.rejected({ ...record, error: secrets.hide(record.error) }, taken),
    logged: (record, taken) => events.logged(secrets.hide(record), taken),
    metric: (record) => events.metric(record),
    ...(events.part && {
      part: (report) => events.part?.(report.type === 'part-stored' ? report : secrets.hide(report)),
    }),
  }
}

async function read({ type, name }: SecretReference): Promise<string | undefined> {
  if (type === 'env') return process.env[name]
  const text = await readFile(name, 'utf8')
  if (text.length > fileBytesMax) throw new Error('the file is larger than 1 MiB')
  // Editors and `echo` end files with a line end, which no secret means.
  return text.replace(/\r?\n$/, '')
}

function missing(
  { type, name, text }: SecretReference,
  component: string,
  path: readonly string[],
  cause?: unknown,
): VertigoError {
  const field = path.join('.')
  const { code, message } = (cause ?? {}) as { readonly code?: string; readonly message?: string }
  const why =
    type === 'env'
      ? `the variable ${name} is not set`
      : `the file ${name} cannot be read (${code ?? message})`
  return new VertigoError('SECRET_MISSING', `${field} is ${text}, but ${why}.`, {
    cause,
    place: { path: `components.${component}.${field}` },
  })
}
