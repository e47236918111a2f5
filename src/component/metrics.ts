/**
 * What a component measures of itself, as its author sees it: `context.metrics.counter('cache_hits').add()`. The run
 * collects the values of all instances; `vertigo run` shows them at the end, and `running.status()` at any time.
 *
 * - Making one that is there gives the same one. They are made once, best in `setup`, and kept.
 * - Names: letters, digits and `_`, beginning with a letter, 100 at most; the unit belongs in them: `wait_ms`. Errors:
 *   METRIC_INVALID for other names, and for one that is there with another type; METRIC_LIMIT for more than 100 in one instance.
 * - Recording writes one number into memory: nothing is sent, so it may be done for each message.
 * - What a failed message has recorded stays, also where its state is taken back.
 */
export interface Metrics {
  /** What only grows. */
  counter(name: string): MetricCounter
  /** What goes up and down. */
  gauge(name: string): MetricGauge
  /** How values spread: their number, sum, least and greatest, and quantiles that are at most an eighth too high. */
  histogram(name: string): MetricHistogram
}

/** A number that only grows, such as requests made. */
export interface MetricCounter {
  /** Adds `n`, a number from 0. Default 1. Errors: METRIC_INVALID. */
  add(n?: number): void
}

/** A number that goes up and down, such as open connections. */
export interface MetricGauge {
  /** Errors: METRIC_INVALID for what is no finite number. */
  set(value: number): void
}

/** How values spread, such as times of requests in milliseconds. */
export interface MetricHistogram {
  /** Records a number from 0. Errors: METRIC_INVALID. */
  record(value: number): void
}

export type MetricType = 'counter' | 'gauge' | 'histogram'
