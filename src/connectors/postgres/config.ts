import * as v from 'valibot'
import { text, wholeNumber } from '../../component/built-in-config.ts'
import { retryMsField } from '../servers/config.ts'

/** Fields that all kinds of PostgreSQL share. */
export const serverFields = {
  /** `postgres://user:password@host:5432/database?sslmode=verify-full`; best as a secret: `${env:DATABASE_URL}`. */
  url: v.pipe(
    text(),
    v.regex(
      /^postgres(ql)?:\/\/|^\$\{/,
      'must begin with `postgres://`, or be a secret such as `${env:DATABASE_URL}`',
    ),
  ),
  /** How long a connection may take to be made. Default 10000. */
  connectTimeoutMs: v.optional(wholeNumber(1, 600_000), 10_000),
  /** How long a statement may take. Default 60000. */
  statementTimeoutMs: v.optional(wholeNumber(1, 3_600_000), 60_000),
  /** How long to try again while the server does not answer. Default 60000. */
  retryMs: retryMsField,
}

export interface ServerConfig {
  readonly url: string
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly retryMs: number
}

export function listOfTexts(atLeastOne: string) {
  return v.pipe(v.array(text(), 'must be a list of texts'), v.minLength(1, atLeastOne))
}
