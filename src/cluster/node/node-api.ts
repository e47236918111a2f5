import { isVertigoError } from '../../base/errors.ts'
import { type ApiMeans, apiPortDefault, type ApiServer, serveApi } from '../../api/index.ts'
import type { NodeApiOptions } from './node-options.ts'

export interface ServedApi {
  readonly server: ApiServer
  /** Base address for others to see. */
  readonly address: string
  /** Whether the port that was asked for is taken, and it has another one. */
  readonly isElsewhere: boolean
}

/**
 * Serves the HTTP API of a node. `host`: by which others reach the node; they are told it where the API listens on all
 * addresses of the machine. Errors: API_OPEN, API_ADDRESS_UNFIT.
 */
export async function serveNodeApi(
  means: ApiMeans,
  { elsewhere = false, ...options }: NodeApiOptions,
  host: string,
): Promise<ServedApi> {
  let isElsewhere = false
  let server: ApiServer
  try {
    server = await serveApi(means, options)
  } catch (error) {
    if (!elsewhere || !isTaken(error)) throw error
    isElsewhere = true
    server = await serveApi(means, { ...options, port: 0 })
  }
  return { server, address: addressFor(server, host), isElsewhere }
}

export const apiPortOf = ({ port = apiPortDefault }: NodeApiOptions): number => port

function addressFor({ address }: ApiServer, host: string): string {
  const shown = host.includes(':') ? `[${host}]` : host
  return address.replace(/(?<=^https?:\/\/)(0\.0\.0\.0|\[::\])(?=:)/, shown)
}

function isTaken(error: unknown): boolean {
  if (!isVertigoError(error) || error.code !== 'API_ADDRESS_UNFIT') return false
  return (error.cause as { readonly code?: unknown } | undefined)?.code === 'EADDRINUSE'
}
