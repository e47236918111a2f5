import type * as JetStream from '@nats-io/jetstream'
import type * as Transport from '@nats-io/transport-node'
import * as v from 'valibot'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { ErrorCode } from '../../base/error-codes.ts'
import { text, wholeNumber } from '../../component/built-in-config.ts'
import { retryMsField, tlsField } from '../servers/config.ts'
import { loadPackage } from '../servers/load-package.ts'

/** Fields that all kinds of NATS share. */
export const serverFields = {
  /** Addresses of servers, `nats://host:4222`; they tell of the others. */
  servers: v.pipe(
    v.array(text(), 'must be a list of addresses'),
    v.minLength(1, 'must name at least one server'),
  ),
  user: v.optional(text()),
  /** Best as a secret: `${env:NATS_PASSWORD}`. */
  password: v.optional(text()),
  /** In place of user and password; best as a secret. */
  token: v.optional(text()),
  /** Speaks TLS: true, or the texts of certificates (PEM), best as secrets: `${file:ca.pem}`. */
  tls: tlsField,
  /** How long a server may take to answer. Default 10000. */
  requestTimeoutMs: v.optional(wholeNumber(100, 600_000), 10_000),
  /** How long to wait for servers that do not answer. Default 60000. */
  retryMs: retryMsField,
}

const serverConfig = v.object(serverFields)
export type ServerConfig = v.InferOutput<typeof serverConfig>

export type JetStreamPackage = typeof JetStream

export interface NatsClient {
  readonly nats: Transport.NatsConnection
  readonly jetstream: JetStreamPackage
}

/** What was being done, for the error that says so. */
export interface Use {
  readonly component: string
  /** Such as `the stream "orders"`. */
  readonly what: string
}

/** Errors: PACKAGE_NOT_FOUND, SERVER_UNREACHABLE, SERVER_REFUSED */
export async function connectNats(server: ServerConfig, use: Use): Promise<NatsClient> {
  const { component } = use
  const transport: typeof Transport = await loadPackage(
    '@nats-io/transport-node',
    component,
    () => import('@nats-io/transport-node'),
  )
  const jetstream = await loadPackage('@nats-io/jetstream', component, () => import('@nats-io/jetstream'))
  const { servers, user, password, token, tls, requestTimeoutMs } = server
  try {
    const nats = await transport.connect({
      servers: [...servers],
      name: `vertigo ${component}`,
      timeout: requestTimeoutMs,
      // How long is ours to say: whoever reads notices.
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { pass: password }),
      ...(token === undefined ? {} : { token }),
      ...(tls === false ? {} : { tls: tls === true ? {} : withoutUndefined(tls) }),
    })
    return { nats, jetstream }
  } catch (error) {
    throw natsError(error, use)
  }
}

function withoutUndefined(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

/** By the names that the client gives its errors. */
const codeOf: Readonly<Record<string, ErrorCode>> = {
  AuthorizationError: 'SERVER_REFUSED',
  UserAuthenticationExpiredError: 'SERVER_REFUSED',
  PermissionViolationError: 'SERVER_REFUSED',
  StreamNotFoundError: 'TARGET_UNFIT',
  JetStreamNotEnabled: 'TARGET_UNFIT',
  ConnectionError: 'SERVER_UNREACHABLE',
  ClosedConnectionError: 'SERVER_UNREACHABLE',
  TimeoutError: 'SERVER_UNREACHABLE',
  NoRespondersError: 'SERVER_UNREACHABLE',
  RequestError: 'SERVER_UNREACHABLE',
}

export function natsError(thrown: unknown, { component, what }: Use): VertigoError {
  const cause = asError(thrown)
  if (isVertigoError(cause)) return cause
  // A request that nobody answers has the reason inside.
  const code = codeOf[cause.name] ?? 'SERVER_REFUSED'
  const says = {
    SERVER_UNREACHABLE: 'NATS does not answer, for',
    TARGET_UNFIT: 'NATS does not have',
  }[code as string]
  return new VertigoError(code, `${component}: ${says ?? 'NATS refuses'} ${what}: ${cause.message}.`, {
    cause,
    place: { component },
  })
}
