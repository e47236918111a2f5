import type { StartNodeApi, StartNodeOptions } from '../../cluster/node/start-node.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'
import { hostAndPort } from './host-port.ts'
import { pem } from './pem.ts'

/** What `vertigo node` takes. */
export const nodeOptionSpecs = {
  store: {
    value: '<url>',
    about:
      'The store that holds the cluster: `lmdb:./folder` on one machine, `etcd://host:2379` on several. Default: the variable VERTIGO_STORE.',
  },
  cluster: { value: '<name>', about: 'Name of the cluster; a store may hold several. Default: vertigo.' },
  id: {
    value: '<id>',
    about:
      'Of the node, unique in its cluster. Default: the name of the host with four random characters, which the first line says.',
  },
  group: { value: '<name>', multiple: true, about: 'Components may ask for a group. May be repeated.' },
  label: { value: '<key=value>', multiple: true, about: 'For rules of placing. May be repeated.' },
  workers: {
    value: '<n>',
    about: 'Threads that it is meant to host, over all networks; 0: none. Default: one for each core.',
  },
  listen: {
    value: '<host:port>',
    about:
      'By which other nodes reach it, for control; data ports are on the same host. Default: 127.0.0.1, and a port that the system chooses.',
  },
  api: {
    value: '<host:port>',
    about:
      'Where its HTTP API listens; `off`: it has none. Default: 127.0.0.1:7411, and where that port is taken, any that is free.',
  },
  tokens: {
    value: '<file>',
    about:
      'File with the tokens of the API, one a line: `<role> <name> <token>`; or env:NAME. Then each request needs one.',
  },
  'api-cert': {
    value: '<file>',
    about:
      'Certificate for the API, which is served over TLS then; it names the hosts by which clients know it.',
  },
  'api-key': { value: '<file>', about: 'The key to that.' },
  'tls-ca': { value: '<file>', about: 'Certificate of the authority, for TLS between nodes.' },
  'tls-cert': { value: '<file>', about: "The node's certificate, issued to its id." },
  'tls-key': { value: '<file>', about: 'The key to that.' },
  insecure: {
    about:
      'Other machines may reach it without TLS, and its API without tokens: for networks that you trust.',
  },
  cache: {
    value: '<folder>',
    about:
      "Where it keeps bundles, the code that comes with deployments; only its user may write there. Default: vertigo/bundles in the user's cache.",
  },
  snapshots: {
    value: '<address>',
    about:
      'Where snapshots are kept of networks that do not say it: `file:///folder`, which has to be the same one on all nodes, or `s3://bucket/prefix`. The same for all nodes. Default: beside a store in a folder; else each network has to say it.',
  },
  journals: {
    value: '<folder>',
    about:
      "Where sources that cannot rewind keep what they have received, on a disk that outlives the process. Default: beside a store in a folder, else vertigo/journals in the user's folder for state.",
  },
  'ttl-ms': {
    value: '<n>',
    about: 'How long others wait for it when it is frozen or cut off, in milliseconds. Default 3000.',
  },
} satisfies Readonly<Record<string, OptionSpec>>

/** Errors: USAGE, FILE_UNREADABLE. */
export async function nodeOptions(given: Arguments, id: string): Promise<StartNodeOptions> {
  const store = given.text('store') ?? process.env['VERTIGO_STORE']
  if (store === undefined || store === '')
    throw usage(
      'No store was named.',
      'Add --store <url>, or set VERTIGO_STORE: `lmdb:./folder` on one machine, `etcd://host:2379` on several.',
    )
  const cluster = given.text('cluster')
  const workers = given.wholeNumber('workers', 0)
  const listen = given.text('listen')
  const cache = given.text('cache')
  const snapshots = given.text('snapshots')
  const journals = given.text('journals')
  const ttlMs = given.wholeNumber('ttl-ms', 1)
  const api = await apiOptions(given)
  const tls = await tlsFiles(given)
  return {
    store,
    id,
    ...(cluster !== undefined && { cluster }),
    groups: given.texts('group'),
    labels: labels(given.texts('label')),
    ...(workers !== undefined && { workers }),
    ...(listen !== undefined && { listen: hostAndPort(listen, 'listen') }),
    ...(tls !== undefined && { tls }),
    insecure: given.flag('insecure'),
    ...(api !== undefined && { api }),
    ...(ttlMs !== undefined && { ttlMs }),
    ...(cache !== undefined && { cache }),
    ...(snapshots !== undefined && { snapshots }),
    ...(journals !== undefined && { journals }),
  }
}

function labels(texts: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const text of texts) {
    const equals = text.indexOf('=')
    const key = text.slice(0, Math.max(0, equals))
    if (key === '') throw usage(`--label takes key=value, not "${text}".`)
    if (Object.hasOwn(found, key)) throw usage(`The label "${key}" is given twice.`)
    found[key] = text.slice(equals + 1)
  }
  return found
}

async function apiOptions(given: Arguments): Promise<StartNodeApi | undefined> {
  const text = given.text('api')
  const tokens = given.text('tokens')
  const tls = await pemFiles(given, ['api-cert', 'api-key'])
  if (text === 'off') {
    if (tokens !== undefined) throw usage('--tokens are for the API, which is off.')
    if (tls !== undefined) throw usage('--api-cert is for the API, which is off.')
    return undefined
  }
  const reference = tokens === undefined || /^(env|file):/.test(tokens) ? tokens : `file:${tokens}`
  return {
    ...(text !== undefined && hostAndPort(text, 'api')),
    ...(tls !== undefined && { tls: { cert: tls['api-cert'], key: tls['api-key'] } }),
    ...(reference !== undefined && { tokens: reference }),
  }
}

async function tlsFiles(given: Arguments): Promise<StartNodeOptions['tls']> {
  const tls = await pemFiles(given, ['tls-ca', 'tls-cert', 'tls-key'])
  return tls && { ca: tls['tls-ca'], cert: tls['tls-cert'], key: tls['tls-key'] }
}

/** The texts of files that are given all, or none. Errors: USAGE, FILE_UNREADABLE. */
async function pemFiles<const N extends string>(
  given: Arguments,
  names: readonly N[],
): Promise<Readonly<Record<N, string>> | undefined> {
  if (names.every((name) => given.text(name) === undefined)) return undefined
  const missing = names.find((name) => given.text(name) === undefined)
  if (missing !== undefined) throw usage(`--${missing} is missing: TLS takes all of --${names.join(', --')}.`)
  const texts = await Promise.all(names.map(async (name) => [name, await pem(given.text(name)!)] as const))
  return Object.fromEntries(texts) as Record<N, string>
}
