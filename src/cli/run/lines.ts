import type { MetricStatus } from '../../run/metrics.ts'
import type { RunEvent, RunSummary } from '../../run/types.ts'
import { shownPath } from '../report/error-report.ts'
import { count, duration, printable, short } from '../report/text.ts'
import { byComponent, type ComponentRates } from './components.ts'

/** What of an event is shown as a line; undefined where nothing is. */
export function eventLine(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'started':
      return `${event.network}: started with ${plural(event.instances.length, 'instance')} on ${workersText(event.workers)}`
    case 'draining':
      return event.reason === 'duration' ? 'draining: the time given is over' : undefined
    case 'log': {
      const { component, instance, level, message, details } = event.record
      const more = details === undefined ? '' : ` ${JSON.stringify(details)}`
      return printable(`${component}[${instance}] ${level}: ${message}${more}`)
    }
    case 'rejected': {
      const { component, instance, port, error } = event.record
      const [reason = ''] = error.message.split('\n')
      return printable(`${component}[${instance}] rejected a message of ${port}: ${reason}`)
    }
  }
}

export function workersText(workers: number): string {
  return workers === 0 ? 'this thread' : plural(workers, 'worker')
}

function plural(value: number, noun: string): string {
  return value === 1 ? `1 ${noun}` : `${value} ${noun}s`
}

/** `5.0 s | lines 812k/s out | split 812k/s in, 3.1M/s out | ...` */
export function progressLine(
  elapsedMs: number,
  rates: readonly ComponentRates[],
  componentsMax = 12,
): string {
  const shown = rates.slice(0, componentsMax).map((each) => {
    const parts = [
      each.received > 0 ? `${short(each.receivedPerSecond)}/s in` : '',
      each.sent > 0 ? `${short(each.sentPerSecond)}/s out` : '',
    ].filter((part) => part !== '')
    return `${each.component} ${parts.length === 0 ? 'idle' : parts.join(', ')}`
  })
  const more = rates.length > componentsMax ? [`${rates.length - componentsMax} more`] : []
  return [duration(elapsedMs), ...shown, ...more].join(' | ')
}

/** The table at the end. */
export function summaryLines(summary: RunSummary): string[] {
  const { network, durationMs, instances, metrics, rejected, deadLetter } = summary
  const components = byComponent(instances)
  const hasRejected = components.some((component) => component.rejected > 0)
  const rows = [
    ['component', 'instances', 'in', 'out', ...(hasRejected ? ['rejected'] : [])],
    ...components.map((each) => [
      each.component,
      String(each.instances),
      each.received === 0 ? '-' : count(each.received),
      each.sent === 0 ? '-' : count(each.sent),
      ...(hasRejected ? [each.rejected === 0 ? '-' : count(each.rejected)] : []),
    ]),
  ]
  return [
    `${network}: finished in ${duration(durationMs)}`,
    ...table(rows),
    ...(metrics.length === 0 ? [] : table([['metric', 'value'], ...metrics.map(metricRow)])),
    ...(rejected === 0
      ? []
      : [
          `${plural(rejected, 'message')} rejected${deadLetter === undefined ? '' : `: see ${shownPath(deadLetter)}`}`,
        ]),
  ]
}

/** The first column to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
    )
    return `  ${cells.join('  ')}`
  })
}

function metricRow(metric: MetricStatus): string[] {
  const name = `${metric.component} ${metric.name}`
  if (metric.type !== 'histogram') return [name, figure(metric.value)]
  const { count: recorded, sum, p50, p99, max } = metric
  if (p50 === undefined || p99 === undefined || max === undefined) return [name, '-']
  const parts = [
    `${count(recorded)} values`,
    `mean ${figure(sum / recorded)}`,
    `p50 ${figure(p50)}`,
    `p99 ${figure(p99)}`,
    `max ${figure(max)}`,
  ]
  return [name, parts.join(', ')]
}

/** Whole numbers in full, others with four digits. */
function figure(value: number): string {
  return Number.isSafeInteger(value) ? count(value) : String(Number(value.toPrecision(4)))
}
