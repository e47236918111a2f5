import { VertigoError } from '../base/errors.ts'

/**
 * Addresses of stores:
 *
 * - `lmdb:./folder`
 * - `etcd://[user:password@]host[:port][,host[:port]...][/prefix]`
 * - `etcds://...?ca=file&cert=file&key=file`, the same over TLS
 *
 * What was given is never part of an error whole, since it may hold a password.
 */
export type StoreAddress = LmdbAddress | EtcdAddress

export interface LmdbAddress {
  readonly type: 'lmdb'
  readonly folder: string
}

export interface EtcdAddress {
  readonly type: 'etcd'
  /** `host:port`; an IPv6 address in brackets. */
  readonly endpoints: readonly string[]
  /** Without slashes at its ends. */
  readonly prefix: string
  readonly user?: string
  readonly password?: string
  /** Present for `etcds:`; files in PEM. */
  readonly tls?: EtcdTlsFiles
}

export interface EtcdTlsFiles {
  /** Default: the authorities that Node trusts. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export const etcdPortDefault = 2379
export const etcdPrefixDefault = 'vertigo'
const endpointsMax = 16

export function parseStoreUrl(url: string): StoreAddress {
  const scheme = /^([a-z]+):/.exec(url)?.[1]
  switch (scheme) {
    case 'lmdb': {
      const folder = url.slice('lmdb:'.length)
      if (folder === '') throw invalid(url, 'it names no folder')
      return { type: 'lmdb', folder }
    }
    case 'etcd':
    case 'etcds':
      return parseEtcd(url, scheme === 'etcds')
    default:
      throw invalid(url, 'it begins with none of `lmdb:`, `etcd://` and `etcds://`')
  }
}

/** The address without its password, for messages and logs. */
export function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, '//...@')
}

function parseEtcd(url: string, isTls: boolean): EtcdAddress {
  // Passwords may hold anything but what ends them; `URL` knows only one host, so it cannot help here.
  const parts = /^etcds?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(url)
  if (parts === null) throw invalid(url, 'it has not the form `etcd://host:2379,host2:2379/prefix`')
  const [, login, hosts = '', path = '', query = ''] = parts
  const endpoints = hosts.split(',').map((host) => checkedEndpoint(url, host))
  if (endpoints.length > endpointsMax)
    throw invalid(url, `it names ${endpoints.length} endpoints, more than ${endpointsMax}`)
  const prefix = decoded(url, path.replaceAll(/^\/+|\/+$/g, ''))
  const tls = tlsFiles(url, query, isTls)
  return {
    type: 'etcd',
    endpoints,
    prefix: prefix === '' ? etcdPrefixDefault : prefix,
    ...(login !== undefined && parseLogin(url, login)),
    ...(tls && { tls }),
  }
}

function checkedEndpoint(url: string, host: string): string {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(host)
  const port = Number(parts?.[2] ?? etcdPortDefault)
  if (parts === null || port < 1 || port > 65_535)
    throw invalid(url, `an endpoint of it is not \`host\` or \`host:port\``)
  return `${parts[1]}:${port}`
}

function parseLogin(url: string, login: string): { user: string; password: string } {
  const colon = login.indexOf(':')
  if (colon < 1) throw invalid(url, 'what stands before the @ is not `user:password`')
  return { user: decoded(url, login.slice(0, colon)), password: decoded(url, login.slice(colon + 1)) }
}

function tlsFiles(url: string, query: string, isTls: boolean): EtcdTlsFiles | undefined {
  const files: { ca?: string; cert?: string; key?: string } = {}
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'ca' && name !== 'cert' && name !== 'key')
      throw invalid(url, `it has the option "${name}"; those there are: ca, cert, key`)
    if (!isTls) throw invalid(url, `its option "${name}" is for \`etcds://\``)
    files[name] = value
  }
  if ((files.cert === undefined) !== (files.key === undefined))
    throw invalid(url, 'a certificate (cert) and its key (key) go together')
  return isTls ? files : undefined
}

function decoded(url: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid(url, 'a % in it is not followed by two hexadecimal digits of UTF-8; write % as %25')
  }
}

function invalid(url: string, why: string): VertigoError {
  const shown = withoutPassword(url).slice(0, 200)
  return new VertigoError('STORE_URL_INVALID', `The address "${shown}" of a store is not valid: ${why}.`)
}
