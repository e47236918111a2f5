import { type ClientRequest, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { Readable } from 'node:stream'

export interface NodeRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
  /** PEM text with the authorities to trust, and no others. Default: those that Node trusts. */
  readonly ca?: string | undefined
  /** Called whenever the other end has taken some of the body. */
  readonly onSent?: (() => void) | undefined
}

/** Of a body that is sent part by part. */
const partBytes = 64 * 1024

/**
 * `fetch` with what that of Node does not have: authorities of one's own, and news of how far a body has come. Follows no
 * redirection.
 */
export function fetchByNode(
  url: string,
  { method, headers, body, signal, ca, onSent }: NodeRequest,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { ...headers, ...lengthOf(body) }, signal }
    const request = url.startsWith('https:')
      ? (onAnswer: Parameters<typeof requestPlain>[2]) =>
          requestTls(url, { ...options, ca, minVersion: 'TLSv1.2' }, onAnswer)
      : (onAnswer: Parameters<typeof requestPlain>[2]) => requestPlain(url, options, onAnswer)
    const asking = request((answer) => {
      // Who answers before it has all does not want the rest.
      if (!asking.writableEnded) answer.once('close', () => asking.destroy())
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
    if (body instanceof Uint8Array) sendParts(asking, body, onSent)
    else if (typeof body === 'object') sendPieces(asking, body, onSent).catch(reject)
    else asking.end(body)
  })
}

function lengthOf(body: NodeRequest['body']): { readonly 'content-length'?: string } {
  const isWhole = typeof body === 'string' || body instanceof Uint8Array
  return isWhole ? { 'content-length': String(Buffer.byteLength(body)) } : {}
}

/** As fast as the other end takes them. Rejects with what the pieces reject with, when the request has ended for it. */
async function sendPieces(
  asking: ClientRequest,
  pieces: AsyncIterable<Uint8Array>,
  onSent: () => void = () => undefined,
): Promise<void> {
  try {
    for await (const piece of pieces) {
      const isOver = await new Promise<boolean>((resolve) => {
        if (asking.destroyed) resolve(true)
        else asking.write(piece, (error) => resolve(error !== undefined && error !== null))
      })
      // Whoever asks hears of it by the request.
      if (isOver) return
      onSent()
    }
    asking.end()
  } catch (error) {
    asking.destroy()
    throw error
  }
}

/** The next part when the one before is with the system. */
function sendParts(asking: ClientRequest, body: Uint8Array, onSent: () => void = () => undefined): void {
  let at = 0
  const next = (): void => {
    if (asking.destroyed) return
    if (at >= body.byteLength) {
      asking.end()
      return
    }
    const part = body.subarray(at, at + partBytes)
    at += part.byteLength
    asking.write(part, (error) => {
      // Whoever asks hears of an error by the request.
      if (error !== undefined && error !== null) return
      onSent()
      next()
    })
  }
  next()
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
