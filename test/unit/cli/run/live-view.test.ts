import assert from 'node:assert/strict'
import test from 'node:test'
import { LiveView } from '../../../../src/cli/run/live-view.ts'
import { instance, ManualClock, statusOf } from './support.ts'

/** As much of a terminal as the view uses. */
class Screen {
  readonly lines: string[] = ['']
  row = 0
  writes = 0
  columns = 60

  write(text: string): void {
    this.writes++
    for (const [part] of text.matchAll(/\u001b\[(\?2026[hl]|\d*[AKJ])|\r|\n|[^\u001b\r\n]+/g)) {
      if (part === '\n') {
        this.row++
        this.lines[this.row] ??= ''
      } else if (part.endsWith('A') && part.startsWith('\u001b')) this.row -= Number(part.slice(2, -1))
      else if (part === '\u001b[J') this.lines.splice(this.row + 1, Infinity)
      else if (part === '\u001b[J' || part.startsWith('\u001b') || part === '\r') continue
      else this.lines[this.row] = part
    }
    // Below the cursor everything was cleared.
    this.lines.splice(this.row, Infinity, '')
  }

  size = (): { columns: number; rows: number; color: boolean } => ({
    columns: this.columns,
    rows: 20,
    color: false,
  })
}

function setUp(): { clock: ManualClock; screen: Screen; view: LiveView } {
  const clock = new ManualClock()
  const screen = new Screen()
  return { clock, screen, view: new LiveView(clock, screen, 'net.yaml') }
}

const started = {
  type: 'started',
  network: 'demo',
  workers: 1,
  instances: [{ component: 'a', instance: 0, worker: 1 }],
} as const

test('the table is drawn over and over at the same place, five times a second, in one write each', () => {
  const { clock, screen, view } = setUp()
  clock.advance(200)
  assert.deepEqual(screen.lines, ['net.yaml: loading  Ctrl-C stops', ''])
  view.event(started)
  view.status(statusOf(instance('a', { sent: 5 })))
  clock.advance(1000)
  assert.equal(screen.writes, 6)
  assert.match(screen.lines[0]!, /^demo: running {2}1\.0 s/)
  assert.match(screen.lines[2]!, /^a /)
  assert.equal(screen.lines.length, 4)
})

test('lines are printed above the table and stay', () => {
  const { clock, screen, view } = setUp()
  view.event(started)
  view.status(statusOf(instance('a')))
  clock.advance(200)
  view.event({
    type: 'log',
    record: { level: 'info', message: 'hello', component: 'a', instance: 0, timeMs: 0 },
  })
  view.text('from stderr')
  clock.advance(0)
  assert.deepEqual(screen.lines.slice(0, 2), ['a[0] info: hello', 'from stderr'])
  assert.match(screen.lines[2]!, /^demo: running/)
  clock.advance(1000)
  assert.deepEqual(screen.lines.slice(0, 2), ['a[0] info: hello', 'from stderr'])
  assert.equal(screen.lines.length, 6)
})

test('at the end the table gives way to the summary, and nothing is drawn after it', () => {
  const { clock, screen, view } = setUp()
  view.event(started)
  view.status(statusOf(instance('a', { sent: 5 })))
  clock.advance(400)
  view.notice('last words')
  view.finished({
    network: 'demo',
    durationMs: 400,
    instances: [instance('a', { sent: 5 })],
    metrics: [],
    rejected: 0,
    deadLetter: undefined,
  })
  clock.advance(1000)
  assert.deepEqual(screen.lines, [
    'last words',
    'demo: finished in 400 ms',
    '  component  instances  in  out',
    '  a                  1   -    5',
    '',
  ])
})
