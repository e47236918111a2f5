import { styleText } from 'node:util'
import { bytes, duration, fitted, short } from '../report/text.ts'
import type { ComponentRates } from './components.ts'
import { workersText } from './lines.ts'

/** What the live view shows at one moment. */
export interface Frame {
  readonly network: string
  /** Undefined while it is loaded. */
  readonly elapsedMs: number | undefined
  readonly phase: 'loading' | 'running' | 'draining' | 'stopping'
  readonly workers: number
  readonly memoryBytes: number
  readonly components: readonly ComponentRates[]
}

export interface FrameSize {
  readonly columns: number
  readonly rows: number
  readonly color: boolean
}

/** Messages that a queue of one instance holds when its senders are made to wait: the engine's default for a channel. */
const queueMessagesMax = 1024

const nameMin = 12
const rateWidth = 8
const barWidth = 10
const instancesWidth = 5
const noteWidth = 11

/** The lines of the live view: none is longer than the terminal is wide, nor are there more than it is high. */
export function frameLines(frame: Frame, size: FrameSize): string[] {
  // The last column stays empty: terminals differ in what they do behind it.
  const width = Math.max(1, size.columns - 1)
  const style = (format: Style, text: string): string =>
    size.color ? styleText(format, text, { validateStream: false }) : text
  const title = style('bold', fitted(titleText(frame, width), width).trimEnd())
  if (frame.components.length === 0) return [title]
  const layout = layoutFor(width, frame.components)
  // One row for the title, one for the head, one for the cursor, and one for what did not fit.
  const room = Math.max(1, size.rows - 4)
  const shown = frame.components.length > room + 1 ? frame.components.slice(0, room) : frame.components
  const hidden = frame.components.length - shown.length
  return [
    title,
    style('dim', headLine(layout, width)),
    ...shown.map((component) => componentLine(component, layout, width, style)),
    ...(hidden === 0 ? [] : [style('dim', fitted(`  … and ${hidden} more`, width).trimEnd())]),
  ]
}

type Style = 'bold' | 'dim' | 'yellow' | 'green' | 'red'
type Styler = (format: Style, text: string) => string

function titleText({ network, elapsedMs, phase, workers, memoryBytes }: Frame, width: number): string {
  const hint = {
    loading: 'Ctrl-C stops',
    running: 'Ctrl-C drains',
    draining: 'Ctrl-C stops at once',
    stopping: '',
  }[phase]
  const parts = [
    `${network}: ${phase}`,
    elapsedMs === undefined ? '' : duration(elapsedMs),
    elapsedMs === undefined ? '' : workersText(workers),
    memoryBytes === 0 ? '' : bytes(memoryBytes),
    hint,
  ].filter((part) => part !== '')
  while (parts.length > 1 && parts.join('  ').length > width) parts.splice(parts.length > 2 ? -2 : -1, 1)
  return parts.join('  ')
}

interface Layout {
  readonly name: number
  readonly instances: boolean
  readonly bar: boolean
  readonly note: boolean
}

/** Which columns fit; of a narrow terminal the least important ones are left out. */
function layoutFor(width: number, components: readonly ComponentRates[]): Layout {
  const wanted = Math.max('component'.length, ...components.map(({ component }) => component.length))
  let left = width - 2 * (rateWidth + 1) - Math.min(wanted, nameMin)
  const fits = (columns: number): boolean => {
    if (left < columns) return false
    left -= columns
    return true
  }
  const note = fits(noteWidth + 1)
  const bar = fits(barWidth + 1)
  const instances = fits(instancesWidth + 1)
  return {
    name: Math.max(4, Math.min(wanted, Math.min(wanted, nameMin) + left)),
    instances,
    bar,
    note,
  }
}

function headLine({ name, instances, bar, note }: Layout, width: number): string {
  const cells = [
    fitted('component', name),
    ...(instances ? [fitted('inst', instancesWidth, 'right')] : []),
    fitted('in/s', rateWidth, 'right'),
    fitted('out/s', rateWidth, 'right'),
    ...(bar ? [fitted('queue', barWidth)] : []),
    ...(note ? [fitted('', noteWidth)] : []),
  ]
  return fitted(cells.join(' '), width).trimEnd()
}

function componentLine(each: ComponentRates, layout: Layout, width: number, style: Styler): string {
  const isDone = each.finished === each.instances
  const numbers = [
    fitted(each.component, layout.name),
    ...(layout.instances ? [fitted(String(each.instances), instancesWidth, 'right')] : []),
    fitted(each.received === 0 ? '-' : short(each.receivedPerSecond), rateWidth, 'right'),
    fitted(each.sent === 0 ? '-' : short(each.sentPerSecond), rateWidth, 'right'),
  ].join(' ')
  if (numbers.length > width) return fitted(numbers, width).trimEnd()
  const fill = Math.min(1, each.queued / (queueMessagesMax * each.instances))
  const isFull = fill >= 0.9
  return [
    isDone ? style('dim', numbers) : numbers,
    ...(layout.bar ? [style(isFull ? 'yellow' : 'dim', bar(fill))] : []),
    ...(layout.note ? [note(each, isDone, style)] : []),
  ]
    .join(' ')
    .trimEnd()
}

function bar(fill: number): string {
  const full = fill > 0 ? Math.max(1, Math.round(fill * barWidth)) : 0
  return '█'.repeat(full) + '░'.repeat(barWidth - full)
}

function note({ blocked, instances, rejected }: ComponentRates, isDone: boolean, style: Styler): string {
  if (isDone) return style('green', 'done')
  if (rejected > 0) return style('red', fitted(`${short(rejected)} rejected`, noteWidth).trimEnd())
  if (blocked === 0) return ''
  return style(
    'yellow',
    blocked === instances ? 'blocked' : fitted(`${blocked}/${instances} blocked`, noteWidth).trimEnd(),
  )
}
