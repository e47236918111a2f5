import { request } from 'node:https'
import { Readable } from 'node:stream'

export interface TrustingRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly signal: AbortSignal
  /** PEM text with the authorities to trust, and no others. */
  readonly ca: string
}

/** `fetch` over TLS with authorities of one's own, which that of Node does not take. Follows no redirection. */
export function fetchTrusting(
  url: string,
  { method, headers, body, signal, ca }: TrustingRequest,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, signal, ca, minVersion: 'TLSv1.2' }, (answer) => {
      const { statusCode = 0, headers: given } = answer
      if (statusCode < 200 || (statusCode >= 300 && statusCode < 400)) {
        answer.destroy()
        reject(new Error(`status ${statusCode}, which no node answers with`))
        return
      }
      const stream = Readable.toWeb(answer) as ReadableStream<Uint8Array>
      const init = { status: statusCode, headers: { 'content-type': given['content-type'] ?? '' } }
      resolve(new Response(stream, init))
    })
    asking.on('error', reject)
    asking.end(body)
  })
}

/** What OpenSSL, and Node behind it, say of a certificate that they do not trust. */
export function isDistrust(code: unknown): code is string {
  return (
    typeof code === 'string' &&
    /^(CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(GET|VERIFY)|INVALID_CA|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)/.test(
      code,
    )
  )
}
