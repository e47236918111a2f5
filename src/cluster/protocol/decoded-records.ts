import type { Entry } from '../../store/store.ts'
import type { RecordType } from './record.ts'

/** Decodes a record once for as long as it stays the same: those that were asked for last are kept. */
export class DecodedRecords<T> {
  private readonly type: RecordType<T>
  private readonly countMax: number
  /** By key, in the order in which they were asked for. */
  private readonly known = new Map<string, { readonly modRevision: number; readonly value: T }>()

  constructor(type: RecordType<T>, countMax: number) {
    this.type = type
    this.countMax = countMax
  }

  /** As `RecordType.decode`; the value belongs to all who ask. */
  decode(entry: Pick<Entry, 'key' | 'value' | 'modRevision'>): T {
    const { key, modRevision } = entry
    const known = this.known.get(key)
    this.known.delete(key)
    const value = known?.modRevision === modRevision ? known.value : this.type.decode(entry)
    this.known.set(key, { modRevision, value })
    for (const oldest of this.known.keys()) {
      if (this.known.size <= this.countMax) break
      this.known.delete(oldest)
    }
    return value
  }
}
