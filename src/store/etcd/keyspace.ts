import { Buffer } from 'node:buffer'
import { endOfPrefix } from '../keys.ts'

const zero = Buffer.of(0)

/**
 * Where the store lives among etcd's keys. Its data is `<prefix>/<key>`. What it keeps for itself is
 * `<prefix>\u0000<name>`: outside of the data, and within what `etcdctl role grant-permission --prefix` gives for the prefix.
 */
export class Keyspace {
  /** Names the store, for marking leases. */
  readonly prefix: string
  private readonly data: Buffer
  private readonly own: Buffer

  constructor(prefix: string) {
    this.prefix = prefix
    this.data = Buffer.from(`${prefix}/`)
    this.own = Buffer.from(`${prefix}\u0000`)
  }

  /** A key of etcd for a key of the store. */
  toEtcd(key: string): Buffer {
    const { data } = this
    const bytes = Buffer.allocUnsafe(data.length + Buffer.byteLength(key))
    data.copy(bytes)
    bytes.write(key, data.length)
    return bytes
  }

  /** All keys of the store that begin with `prefix`, behind `after` where that is given. */
  range(prefix: string, after?: string): { readonly key: Uint8Array; readonly rangeEnd: Uint8Array } {
    // The empty key is none of the store.
    const start = prefix === '' ? Buffer.concat([this.data, zero]) : this.toEtcd(prefix)
    const rangeEnd = endOfPrefix(this.data.toString() + prefix)!
    if (after === undefined) return { key: start, rangeEnd }
    const behind = Buffer.concat([this.toEtcd(after), zero])
    return { key: Buffer.compare(behind, start) > 0 ? behind : start, rangeEnd }
  }

  /** Undefined for what is none of the data. */
  fromEtcd(key: Buffer): string | undefined {
    const { data } = this
    if (key.length <= data.length || key.compare(data, 0, data.length, 0, data.length) !== 0) return undefined
    return key.toString('utf8', data.length)
  }

  /** A key that the store keeps for itself. */
  ownKey(name: string): Buffer {
    return Buffer.concat([this.own, Buffer.from(name)])
  }
}
