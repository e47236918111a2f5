import type { Admin, Connection } from '@platformatic/kafka'
import { baseOptions, type KafkaPackage } from './client.ts'
import type { ServerConfig } from './config.ts'
import { saysOf } from './errors.ts'
import type { TransactionState } from './last-ending.ts'

export interface CoordinatorOptions {
  readonly package: KafkaPackage
  readonly server: ServerConfig
  readonly component: string
  readonly transactionTimeoutMs: number
  /** The topic of snapshots. */
  readonly snapshots: string
}

/**
 * What the coordinator of a transactional id says of it, before somebody takes that over. Who has a transaction under way is shut out
 * first, so that it is known how that ended. Undefined where there is no such id yet, or where that cannot be asked (brokers before
 * version 3.0, no permission).
 */
export async function lastTransaction(
  { package: loaded, server, component, transactionTimeoutMs, snapshots }: CoordinatorOptions,
  id: string,
): Promise<TransactionState | undefined> {
  const admin = new loaded.Admin(baseOptions(component, server))
  try {
    const apis = await admin.listApis()
    if (!apis.some(({ name }) => name === 'DescribeTransactions')) return undefined
    const connection = await connectionTo(admin, loaded, id)
    const said = await describeTransaction(loaded, connection, id)
    if (said?.transactionState !== 'Ongoing') return said
    const hasSnapshot = said.topics.some(({ topic }) => topic === snapshots)
    await loaded.initProducerIdV4.api
      .async(connection, id, transactionTimeoutMs, -1n, -1)
      .catch((error: unknown) => {
        // What it says when it has begun to end that transaction.
        if (!saysOf(error, 'CONCURRENT_TRANSACTIONS')) throw error
      })
    const ended = await describeTransaction(loaded, connection, id)
    return ended && { ...ended, hasSnapshot }
  } catch (error) {
    if (saysOf(error, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')) return undefined
    throw error
  } finally {
    await admin.close()
  }
}

async function connectionTo(admin: Admin, loaded: KafkaPackage, id: string): Promise<Connection> {
  const [found] = await admin.findCoordinator({
    keyType: loaded.FindCoordinatorKeyTypes.TRANSACTION,
    keys: [id],
  })
  const node = found!.nodeId
  const connection = (await admin.connectToBrokers([node])).get(node)
  if (connection === undefined)
    throw new loaded.NetworkError(`The coordinator of "${id}" (broker ${node}) is not there.`)
  return connection
}

export interface DescribedTransaction extends TransactionState {
  /** Of one that is under way. */
  readonly topics: readonly { readonly topic: string }[]
}

/** Undefined where the coordinator does not know the id. */
export async function describeTransaction(
  loaded: KafkaPackage,
  connection: Connection,
  id: string,
): Promise<DescribedTransaction | undefined> {
  try {
    const { transactionStates } = await loaded.describeTransactionsV0.api.async(connection, [id])
    return transactionStates[0]
  } catch (error) {
    if (saysOf(error, 'TRANSACTIONAL_ID_NOT_FOUND')) return undefined
    throw error
  }
}
