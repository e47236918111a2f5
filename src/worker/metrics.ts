import { VertigoError } from '../base/errors.ts'
import { readableText } from '../base/readable.ts'
import type {
  MetricCounter,
  MetricGauge,
  MetricHistogram,
  Metrics,
  MetricType,
} from '../component/metrics.ts'
import { histogramFields, recordValue } from './histogram.ts'

/**
 * Metrics of one instance. Their values are in memory that all threads share: the instance writes them, and the run, which
 * is told of the memory once, reads them when somebody asks. So recording costs no message, and values are never lost.
 */

/** Metrics of one instance: each takes memory, and somebody is to look at them. */
const metricsMax = 100
const namePattern = /^[a-zA-Z][a-zA-Z0-9_]{0,99}$/

/** Told once, when a metric is made. */
export interface MetricRecord {
  readonly component: string
  readonly instance: number
  readonly name: string
  readonly type: MetricType
  /** `Float64Array`: one field; of histograms, as `recordValue` writes them. */
  readonly memory: SharedArrayBuffer
}

const fieldsOf = { counter: 1, gauge: 1, histogram: histogramFields } as const

export class InstanceMetrics implements Metrics {
  private readonly place: { readonly component: string; readonly instance: number }
  private readonly made: (record: MetricRecord) => void
  private readonly metrics = new Map<string, { readonly type: MetricType; readonly metric: object }>()

  constructor(
    { component, instance }: { readonly component: string; readonly instance: number },
    made: (record: MetricRecord) => void,
  ) {
    this.place = { component, instance }
    this.made = made
  }

  counter(name: string): MetricCounter {
    return this.metric('counter', name, (fields) => new Counter(name, fields))
  }

  gauge(name: string): MetricGauge {
    return this.metric('gauge', name, (fields) => new Gauge(name, fields))
  }

  histogram(name: string): MetricHistogram {
    return this.metric('histogram', name, (fields) => new Histogram(name, fields))
  }

  private metric<T extends object>(type: MetricType, name: string, make: (fields: Float64Array) => T): T {
    const known = this.metrics.get(name)
    if (known !== undefined) {
      if (known.type === type) return known.metric as T
      throw this.error('METRIC_INVALID', `"${name}" is a ${known.type} already, and cannot be a ${type}.`)
    }
    if (typeof name !== 'string' || !namePattern.test(name)) throw this.nameInvalid(name)
    if (this.metrics.size >= metricsMax) {
      const message = `${this.name} has ${metricsMax} metrics, the most there may be; "${name}" is one more.`
      throw this.error('METRIC_LIMIT', message)
    }
    const memory = new SharedArrayBuffer(fieldsOf[type] * Float64Array.BYTES_PER_ELEMENT)
    const metric = make(new Float64Array(memory))
    this.metrics.set(name, { type, metric })
    this.made({ ...this.place, name, type, memory })
    return metric
  }

  private nameInvalid(name: unknown): VertigoError {
    const shown = typeof name === 'string' ? `"${name.slice(0, 120)}"` : `of type ${typeof name}`
    const message = `The name of a metric is ${shown}; it is letters, digits and "_", beginning with a letter, 100 at most.`
    return this.error('METRIC_INVALID', message)
  }

  private error(code: 'METRIC_INVALID' | 'METRIC_LIMIT', message: string): VertigoError {
    return new VertigoError(code, message, { place: { component: this.place.component } })
  }

  private get name(): string {
    return `${this.place.component}[${this.place.instance}]`
  }
}

class Counter implements MetricCounter {
  private readonly name: string
  private readonly fields: Float64Array

  constructor(name: string, fields: Float64Array) {
    this.name = name
    this.fields = fields
  }

  add(n = 1): void {
    if (!isFromZero(n)) throw valueInvalid(this.name, n, 'a number from 0')
    this.fields[0]! += n
  }
}

class Gauge implements MetricGauge {
  private readonly name: string
  private readonly fields: Float64Array

  constructor(name: string, fields: Float64Array) {
    this.name = name
    this.fields = fields
  }

  set(value: number): void {
    if (!Number.isFinite(value)) throw valueInvalid(this.name, value, 'a finite number')
    this.fields[0] = value
  }
}

class Histogram implements MetricHistogram {
  private readonly name: string
  private readonly fields: Float64Array

  constructor(name: string, fields: Float64Array) {
    this.name = name
    this.fields = fields
  }

  record(value: number): void {
    if (!isFromZero(value)) throw valueInvalid(this.name, value, 'a number from 0')
    recordValue(this.fields, value)
  }
}

/** A text would pass a comparison alone, and then be appended. */
function isFromZero(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < Infinity
}

function valueInvalid(name: string, value: unknown, what: string): VertigoError {
  return new VertigoError('METRIC_INVALID', `"${name}" was given ${readableText(value)}; it takes ${what}.`)
}
