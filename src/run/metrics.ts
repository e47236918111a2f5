import { histogramValues, type HistogramValues } from '../worker/histogram.ts'
import type { MetricRecord } from '../worker/metrics.ts'

/** A metric of a component, over all its instances. */
export type MetricStatus =
  | {
      readonly component: string
      readonly name: string
      readonly type: 'counter' | 'gauge'
      /** The sum over the instances. */
      readonly value: number
      /** Of the instances that have made it. */
      readonly instances: readonly { readonly instance: number; readonly value: number }[]
    }
  | ({ readonly component: string; readonly name: string; readonly type: 'histogram' } & HistogramValues)

/** Metrics of a run: workers write them into memory that is shared (`worker/metrics.ts`), this reads them. */
export class MetricReader {
  readonly #metrics = new Map<string, MetricRecord[]>()

  add(record: MetricRecord): void {
    // Instances of a component may differ in what they make of a name.
    const key = JSON.stringify([record.component, record.name, record.type])
    const known = this.#metrics.get(key)
    if (known === undefined) this.#metrics.set(key, [record])
    else known.push(record)
  }

  /** By component and name. */
  status(): MetricStatus[] {
    const all = [...this.#metrics.values()].map(statusOf)
    return all.toSorted((a, b) => compare(a.component, b.component) || compare(a.name, b.name))
  }
}

function statusOf(records: readonly MetricRecord[]): MetricStatus {
  const { component, name, type } = records[0]!
  const fields = (record: MetricRecord): Float64Array => new Float64Array(record.memory)
  if (type === 'histogram') return { component, name, type, ...histogramValues(records.map(fields)) }
  const instances = records
    .map((record) => ({ instance: record.instance, value: fields(record)[0]! }))
    .toSorted((a, b) => a.instance - b.instance)
  return { component, name, type, value: instances.reduce((sum, { value }) => sum + value, 0), instances }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
