import { createHash, timingSafeEqual } from 'node:crypto'
import { VertigoError } from '../base/errors.ts'
import { isLoopback } from '../base/loopback.ts'

/**
 * Who may ask what.
 *
 * - AC-1 Without tokens, the API serves its own machine only: it listens on loopback, to requests that name it by a
 *   loopback name (a page whose name was bound to 127.0.0.1 is refused), and not on behalf of web pages from elsewhere.
 * - AC-2 With tokens, every request but that for health needs one, from the same machine too: what comes through a proxy on
 *   it comes from loopback as well.
 * - AC-3 Tokens are compared as digests, all of them, in the same time wherever they differ. They stand in no log and error.
 */

/** Each may do what those before it may: look; change networks and drain nodes; configure and forget. */
export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

export interface Token {
  readonly role: Role
  /** Whom it was given to; versions of networks are listed with it. */
  readonly name: string
  readonly token: string
}

export interface Caller {
  readonly name: string
  readonly role: Role
}

export const tokenLengthMin = 16

/** Tokens as they are known: by their digests. */
export class TokenSet {
  private readonly known: readonly { readonly caller: Caller; readonly digest: Buffer }[]

  constructor(tokens: readonly Token[]) {
    this.known = tokens.map(({ role, name, token }) => ({ caller: { name, role }, digest: digestOf(token) }))
  }

  get size(): number {
    return this.known.length
  }

  callerOf(token: string): Caller | undefined {
    const digest = digestOf(token)
    let found: Caller | undefined
    // All are looked at, so that the time says nothing of where one was found.
    for (const { caller, digest: known } of this.known) if (timingSafeEqual(digest, known)) found = caller
    return found
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/**
 * Reads a file of tokens: one a line, as `<role> <name> <token>`; empty lines and those that begin with `#` say nothing.
 * Errors: SECRET_INVALID, which names the line and never what stands in it.
 */
export function parseTokens(text: string, file: string): TokenSet {
  const tokens: Token[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue
    const [role, name, token, ...more] = line.trim().split(/\s+/)
    const invalid = (why: string): VertigoError =>
      new VertigoError('SECRET_INVALID', `The tokens of the HTTP API: ${why}.`, {
        place: { file, line: at + 1 },
        remedy: 'Write one token a line: `<role> <name> <token>`.',
      })
    if (token === undefined || name === undefined || more.length > 0)
      throw invalid('a line has not the form `<role> <name> <token>`')
    if (!isRole(role)) throw invalid(`a role must be one of ${roles.join(', ')}`)
    if (token.length < tokenLengthMin)
      throw invalid(`the token of ${name} has less than ${tokenLengthMin} characters`)
    tokens.push({ role, name, token })
  }
  if (tokens.length === 0)
    throw new VertigoError('SECRET_INVALID', 'The file of tokens holds none.', { place: { file } })
  return new TokenSet(tokens)
}

function isRole(text: string | undefined): text is Role {
  return roles.some((role) => role === text)
}

export interface AccessOptions {
  /** Where it listens. */
  readonly host: string
  readonly tokens?: TokenSet
  /** Listening wider than on loopback without tokens is meant. Default false. */
  readonly insecure?: boolean
}

/** Of a request, as far as it decides who may ask. */
export interface AccessFacts {
  readonly host: string | undefined
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`, which pages cannot set. */
  readonly site: string | undefined
  readonly authorization: string | undefined
  /** Who it says it is, where nobody has to prove it. */
  readonly user: string | undefined
}

export class Access {
  private readonly tokens: TokenSet | undefined
  private readonly isLocal: boolean

  /** Errors: API_OPEN. */
  constructor({ host, tokens, insecure = false }: AccessOptions) {
    this.tokens = tokens
    this.isLocal = isLoopback(host)
    if (tokens === undefined && !this.isLocal && !insecure)
      throw new VertigoError(
        'API_OPEN',
        `The HTTP API was to listen on ${host}, where other machines reach it, without tokens.`,
      )
  }

  /** Errors: API_HOST_REFUSED, API_TOKEN_MISSING, API_ROLE_MISSING. */
  admit(facts: AccessFacts, needed: Role): Caller {
    const caller = this.tokens === undefined ? this.anybody(facts) : this.bearer(facts, this.tokens)
    if (roles.indexOf(caller.role) >= roles.indexOf(needed)) return caller
    throw new VertigoError(
      'API_ROLE_MISSING',
      `The token of ${caller.name} has the role ${caller.role}; this needs ${needed}.`,
    )
  }

  private anybody({ host, origin, site, user }: AccessFacts): Caller {
    if (this.isLocal && (host === undefined || !isLoopback(withoutPort(host))))
      throw new VertigoError('API_HOST_REFUSED', `The HTTP API is not served by the name "${shown(host)}".`)
    if (isForeign(origin, host) || site === 'cross-site' || site === 'same-site')
      throw new VertigoError(
        'API_HOST_REFUSED',
        `The HTTP API does not answer web pages of other origins (${shown(origin ?? site)}).`,
      )
    return { name: user !== undefined && /^[\w .@-]{1,100}$/.test(user) ? user : 'anonymous', role: 'admin' }
  }

  private bearer({ authorization }: AccessFacts, tokens: TokenSet): Caller {
    const [, token] = /^bearer +(\S+) *$/i.exec(authorization ?? '') ?? []
    const caller = token === undefined ? undefined : tokens.callerOf(token)
    if (caller !== undefined) return caller
    const why = token === undefined ? 'The request has no token.' : 'The token of the request is not known.'
    throw new VertigoError('API_TOKEN_MISSING', why)
  }
}

function isForeign(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return false
  try {
    return new URL(origin).host !== host
  } catch {
    return true
  }
}

function withoutPort(host: string): string {
  return host.replace(/:\d*$/, '')
}

/** What others sent goes into messages short and without what a terminal would obey. */
function shown(text: string | undefined): string {
  return (text ?? '').replaceAll(/[^\u0020-\u007e]/g, '?').slice(0, 100)
}
