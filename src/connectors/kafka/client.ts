import type * as Kafka from '@platformatic/kafka'
import { loadPackage } from '../servers/load-package.ts'
import type { ServerConfig } from './config.ts'

export type KafkaPackage = typeof Kafka

/** Errors: PACKAGE_NOT_FOUND */
export function loadKafka(component: string): Promise<KafkaPackage> {
  return loadPackage('@platformatic/kafka', component, () => import('@platformatic/kafka'))
}

/** What all clients are made with. Retries are ours: the client's own neither end with the instance nor tell of it. */
export function baseOptions(component: string, server: ServerConfig): Kafka.BaseOptions {
  const { brokers, tls, sasl, requestTimeoutMs } = server
  return {
    clientId: `vertigo-${component}`,
    bootstrapBrokers: [...brokers],
    connectTimeout: Math.min(requestTimeoutMs, 10_000),
    requestTimeout: requestTimeoutMs,
    retries: 2,
    retryDelay: 100,
    metadataMaxAge: 5_000,
    ...(tls === false ? {} : { tls: tls === true ? {} : tls }),
    ...(sasl === undefined ? {} : { sasl }),
  }
}
