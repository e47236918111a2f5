import type { AddressInfo } from 'node:net'
import { VertigoError } from '../base/errors.ts'
import { Access, type TokenSet } from './access.ts'
import { makeApp } from './app.ts'
import type { ApiMeans } from './route.ts'

/** Where commands look for the API, and nodes serve it, unless told otherwise. */
export const apiPortDefault = 7411
export const apiAddressDefault = `http://127.0.0.1:${apiPortDefault}`

export interface ApiOptions {
  /** Default 127.0.0.1. Anything wider than loopback needs `tokens`, or `insecure`. */
  readonly host?: string
  /** Default 7411; 0: any that is free. */
  readonly port?: number
  /** With them, every request needs one. */
  readonly tokens?: TokenSet
  /** Serves other machines without tokens. Default false. */
  readonly insecure?: boolean
}

export interface ApiServer {
  /** Its base address, such as `http://127.0.0.1:7411`. */
  readonly address: string
  /** Ends streams and connections. Idempotent. */
  close(): Promise<void>
}

/** Serves the HTTP API. Errors: API_OPEN; API_ADDRESS_UNFIT where it cannot listen. */
export async function serveApi(means: ApiMeans, options: ApiOptions = {}): Promise<ApiServer> {
  const { host = '127.0.0.1', port = apiPortDefault, tokens, insecure = false } = options
  const access = new Access({ host, insecure, ...(tokens !== undefined && { tokens }) })
  const app = await makeApp({ ...means, access })
  try {
    await app.listen({ host, port })
  } catch (cause) {
    await app.close()
    const { code } = cause as { readonly code?: string }
    const why = code === 'EADDRINUSE' ? 'another process listens there' : (code ?? 'unknown error')
    throw new VertigoError('API_ADDRESS_UNFIT', `The HTTP API cannot listen on ${host}:${port}: ${why}.`, {
      cause,
    })
  }
  const { port: bound } = app.server.address() as AddressInfo
  return {
    address: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: async () => {
      await app.close()
    },
  }
}
