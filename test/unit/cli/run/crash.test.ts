import assert from 'node:assert/strict'
import test from 'node:test'
import { type Death, engineAborted, engineStalled } from '../../../../src/cli/run/crash.ts'
import { CrashFilter } from '../../../../src/cli/run/crash-filter.ts'

const dump = `<--- Last few GCs --->

[26092:0x7f5110001000]     2644 ms: Mark-Compact (reduce) 63.3 (69.9) -> 63.0 (65.9) MB

FATAL ERROR: CALL_AND_RETRY_LAST Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0x840e50  [node]`.split('\n')

const places = [
  { component: 'lines', instance: 0, worker: 1 },
  { component: 'leak', instance: 0, worker: 2 },
  { component: 'out', instance: 0, worker: 0 },
]

function death(fields: Partial<Death> = {}): Death {
  const workers = [
    { worker: 0, running: undefined, memoryBytes: 20e6 },
    { worker: 1, running: 'lines[0]', memoryBytes: 30e6 },
    { worker: 2, running: 'leak[0]', memoryBytes: 900e6 },
  ]
  return {
    exitCode: null,
    signal: 'SIGABRT',
    dump,
    places,
    status: { metrics: [], instances: [], workers },
    ...fields,
  }
}

test('what V8 writes when it ends is told from what components write', () => {
  const filter = new CrashFilter()
  const shown = ['FATAL: my own words', 'FATAL ERROR: cannot open the till', ...dump, 'more'].filter((line) =>
    filter.isText(line),
  )
  assert.deepEqual(shown, ['FATAL: my own words', 'FATAL ERROR: cannot open the till'])
  assert.deepEqual(filter.dump, [...dump, 'more'])
})

test('a component that writes what V8 would write gets its lines back, since the process lives on', () => {
  const filter = new CrashFilter()
  const lines = ['FATAL ERROR: the heap of orders is full', 'and more of it']
  assert.deepEqual(
    lines.filter((line) => filter.isText(line)),
    [],
  )
  const given: string[] = []
  for (let i = 0; i < 10; i++) given.push(...filter.sign())
  assert.deepEqual(given, lines)
  assert.deepEqual(filter.dump, [])
  assert.equal(filter.isText('the next line'), true)
  assert.equal(filter.isText(lines[0]!), false)
  assert.deepEqual(filter.release(), [lines[0]], 'at a peaceful end')
  for (let i = 0; i < 5000; i++) filter.isText(lines[0]!)
  assert.equal(filter.release().at(-1), '(4000 more lines were left out)')
})

test('out of memory: the components of the worker with the most memory are named', () => {
  const error = engineAborted(death())
  assert.equal(error.code, 'ENGINE_ABORTED')
  assert.equal(error.exitCode, 1)
  assert.equal(error.place.component, 'leak[0]')
  assert.match(
    error.message,
    /SIGABRT \(JavaScript heap out of memory\).*858 MiB.*hosted leak\[0\]; lines\[0\] and leak\[0\] were at work/,
  )
  assert.match(error.remedy, /memory-mb/)
  const { message } = error.cause as Error
  assert.match(message, /Mark-Compact/)
  assert.doesNotMatch(message, /0x840e50/)
})

test('one call that takes all memory shows as the component that was at work', () => {
  const workers = [
    { worker: 1, running: undefined, memoryBytes: 21e6 },
    { worker: 2, running: 'leak[0]', memoryBytes: 15e6 },
  ]
  const error = engineAborted(death({ status: { metrics: [], instances: [], workers } }))
  assert.equal(error.place.component, 'leak[0]')
  assert.match(error.message, /It hosted lines\[0\], leak\[0\] and out\[0\]; leak\[0\] was at work/)
})

test('an end by exit code or by SIGKILL is told as such', () => {
  const exited = engineAborted(death({ exitCode: 7, signal: null, dump: [] }))
  assert.match(exited.message, /ended with exit code 7/)
  assert.doesNotMatch(exited.remedy, /memory/)
  const killed = engineAborted(death({ signal: 'SIGKILL', dump: [] }))
  assert.match(killed.message, /SIGKILL, by somebody, or by the system because its memory ran out/)
})

test('whoever was at work when the process was killed is not blamed', () => {
  const error = engineAborted(death({ signal: 'SIGKILL', dump: [] }))
  assert.equal(error.place.component, undefined)
  assert.match(
    error.message,
    /It hosted lines\[0\], leak\[0\] and out\[0\]; lines\[0\] and leak\[0\] were at work\./,
  )
  const workers = [{ worker: 1, running: 'lines[0]', memoryBytes: 30e6 }]
  const alone = engineAborted(
    death({ signal: 'SIGKILL', dump: [], status: { metrics: [], instances: [], workers } }),
  )
  assert.equal(alone.place.component, undefined)
  assert.match(alone.message, /It hosted lines\[0\], leak\[0\] and out\[0\]; lines\[0\] was at work\./)
  const single = engineAborted(death({ signal: 'SIGKILL', dump: [], places: places.slice(0, 1) }))
  assert.equal(single.place.component, 'lines[0]', 'the only one there is')
})

test('an end before the start is that of a module', () => {
  const error = engineAborted(death({ places: [], status: { metrics: [], instances: [], workers: [] } }))
  assert.match(error.message, /a module of the network did it while it was loaded/)
  assert.equal(error.place.component, undefined)
})

test('where memory was not the cause, what workers use accuses nobody', () => {
  const idle = death().status.workers.map((worker) => ({ ...worker, running: undefined }))
  const status = { metrics: [], instances: [], workers: idle }
  const error = engineAborted(death({ exitCode: 7, signal: null, dump: [], status }))
  assert.match(error.message, /It hosted lines\[0\], leak\[0\] and out\[0\]\./)
  assert.equal(error.place.component, undefined)
})

test('where nobody was at work all that were hosted are named', () => {
  const workers = [{ worker: 1, running: undefined, memoryBytes: 0 }]
  const error = engineAborted(
    death({
      places: [...places, { component: 'more', instance: 1, worker: 1 }],
      status: { metrics: [], instances: [], workers },
    }),
  )
  assert.match(error.message, /It hosted lines\[0\], leak\[0\], out\[0\] and more\[1\]\./)
})

test('a blocked main thread is blamed on what it hosts', () => {
  assert.match(
    engineStalled(1500, { places: [], status: { metrics: [], instances: [], workers: [] } }).message,
    /a module of the network.* 1\.5 s/,
  )
  const error = engineStalled(1500, death())
  assert.equal(error.code, 'COMPONENT_STALLED')
  assert.equal(error.place.component, 'out[0]')
})
