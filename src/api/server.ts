import type { AddressInfo } from 'node:net'
import { createSecureContext } from 'node:tls'
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
  /** PEM texts: it is served over TLS. Default: without. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Serves other machines without tokens. Default false. */
  readonly insecure?: boolean
  /** From the first byte of a request to its last. Default 30,000 ms. */
  readonly requestMsMax?: number
}

export interface ApiServer {
  /** Its base address, such as `http://127.0.0.1:7411`. */
  readonly address: string
  /** Ends streams and connections. Idempotent. */
  close(): Promise<void>
}

/** Here, where it can be said whose it is. Errors: USAGE. */
function checkTls(tls: ApiOptions['tls']): void {
  if (tls === undefined) return
  try {
    createSecureContext(tls)
  } catch (cause) {
    throw new VertigoError('USAGE', 'The certificate and the key of the HTTP API cannot be used.', {
      cause,
      remedy: 'Give a certificate and the key to it, both as PEM: `--api-cert <file> --api-key <file>`.',
    })
  }
}

/** Serves the HTTP API. Errors: API_OPEN; USAGE for `tls` that cannot be used; API_ADDRESS_UNFIT where it cannot listen. */
export async function serveApi(means: ApiMeans, options: ApiOptions = {}): Promise<ApiServer> {
  const { host = '127.0.0.1', port = apiPortDefault, tokens, tls, insecure = false, requestMsMax } = options
  const access = new Access({ host, insecure, ...(tokens !== undefined && { tokens }) })
  checkTls(tls)
  const app = await makeApp({ ...means, access, ...(tls && { tls }), ...(requestMsMax && { requestMsMax }) })
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
    address: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: async () => {
      await app.close()
    },
  }
}
