import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { checkConfig, kindDefinition } from '../../../src/component/kind.ts'
import { filter, flatMap, map, operatorKinds, tap } from '../../../src/operators/index.ts'
import { testComponent } from '../../../src/testkit/index.ts'
import { runKind, stepsOf } from './run-kind.ts'

const numbers = [1, 2, 3, 4]

test('map sends one result for each message, promises awaited', async () => {
  assert.deepEqual(
    await runKind(
      map((n: number) => n * 2),
      numbers,
    ),
    [2, 4, 6, 8],
  )
  assert.deepEqual(
    await runKind(
      map((n: number) => Promise.resolve(n * 2)),
      numbers,
    ),
    [2, 4, 6, 8],
  )
  assert.deepEqual(
    await runKind(
      map((n: number) => (n > 2 ? n : undefined)),
      [1, 3],
    ),
    [undefined, 3],
  )
  assert.deepEqual(
    await runKind(
      map(() => null),
      [1],
    ),
    [null],
  )
})

test('filter sends on what its predicate is true for', async () => {
  assert.deepEqual(
    await runKind(
      filter((n: number) => n % 2 === 0),
      numbers,
    ),
    [2, 4],
  )
  const later = filter((n: number) => Promise.resolve(n > 3))
  assert.deepEqual(await runKind(later, numbers), [4])
})

test('flatMap sends each item, of long lists and iterators in steps', async () => {
  assert.deepEqual(
    await runKind(
      flatMap((n: number) => [n, -n]),
      [1, 2],
    ),
    [1, -1, 2, -2],
  )
  assert.deepEqual(
    await runKind(
      flatMap(() => []),
      [1],
    ),
    [],
  )
  assert.deepEqual(
    await runKind(
      flatMap((n: number) => new Set([n])),
      [1],
    ),
    [1],
  )
  assert.deepEqual(
    await runKind(
      flatMap((n: number) => Promise.resolve([n, n])),
      [1],
    ),
    [1, 1],
  )
  const long = Array.from({ length: 1000 }, (_, i) => i)
  const listed = await runKind(
    flatMap(() => long),
    [0],
  )
  assert.deepEqual(listed, long)
  assert.deepEqual(
    await stepsOf(
      flatMap(() => long),
      0,
    ),
    [256, 256, 256, 232],
  )
  assert.deepEqual(
    await runKind(
      flatMap(() => Promise.resolve(long)),
      [0],
    ),
    long,
  )
  const asynchronous = flatMap(async function* (n: number) {
    yield n
    yield await Promise.resolve(n + 1)
  })
  const pulled = await runKind(asynchronous, [1])
  assert.deepEqual(pulled, [1, 2])
  const longer = flatMap(async function* () {
    for (let n = 0; n < 10; n++) yield await Promise.resolve(n)
  })
  // One fits in the channel, one is in the hands of the receiver.
  const steps = await stepsOf(longer, 1)
  assert.ok(steps.length >= 5 && steps.every((step) => step <= 2), steps.join())
})

test('flatMap takes no more of an endless iterator than is pulled', async () => {
  let made = 0
  const endless = flatMap(function* () {
    for (;;) yield made++
  })
  const tester = await testComponent(endless, { outputs: { out: { hold: true } } })
  await tester.send('in', 0)
  assert.equal(tester.emitted, 256)
  assert.equal(made, 256)
  await tester.close()
})

test('flatMap refuses what has no items', async () => {
  for (const [result, pattern] of [
    ['text', /gave a string/],
    [undefined, /gave undefined/],
    [3, /gave a number/],
  ] as const) {
    await assert.rejects(
      runKind(
        flatMap(() => result as unknown as []),
        [1],
      ),
      (error: unknown) =>
        isVertigoError(error) && error.code === 'MESSAGE_INVALID' && pattern.test(error.message),
    )
  }
})

test('tap looks at each message and sends it on', async () => {
  const seen: number[] = []
  assert.deepEqual(
    await runKind(
      tap((n: number) => seen.push(n)),
      numbers,
    ),
    numbers,
  )
  assert.deepEqual(
    await runKind(
      tap((n: number) => Promise.resolve(seen.push(n))),
      numbers,
    ),
    numbers,
  )
  assert.deepEqual(seen, [...numbers, ...numbers])
})

test('what a function throws comes through', async () => {
  const broken = (): never => {
    throw new Error('broken')
  }
  for (const kind of [map(broken), filter(broken), flatMap(broken), tap(broken)])
    await assert.rejects(runKind(kind, [1]), /broken/)
})

test('the kinds of files load their function by its address', async () => {
  const modules = {
    './double.ts': { default: (n: number) => n * 2, other: 1 },
    './rules.ts#even': (n: number) => n % 2 === 0,
    './rules.ts#twice': (n: number) => [n, n],
    './rules.ts#look': () => undefined,
  }
  const run = async (kind: keyof typeof operatorKinds, address: string) =>
    await runKind(operatorKinds[kind], [1, 2], { config: { function: address }, modules })
  assert.deepEqual(await run('map', './double.ts'), [2, 4])
  assert.deepEqual(await run('filter', './rules.ts#even'), [2])
  assert.deepEqual(await run('flat-map', './rules.ts#twice'), [1, 1, 2, 2])
  assert.deepEqual(await run('tap', './rules.ts#look'), [1, 2])
})

test('what is no function is told with the field and the remedy', async () => {
  const modules = { './a.ts': { default: { x: 1 } }, './a.ts#b': undefined, './a.ts#c': 4 }
  for (const [address, pattern] of [
    ['./a.ts', /tested: config field "function": "\.\/a\.ts" is an object, not a function/],
    ['./a.ts#b', /is undefined, not a function/],
    ['./a.ts#c', /is a number, not a function/],
  ] as const)
    await assert.rejects(
      runKind(operatorKinds.map, [1], { config: { function: address }, modules }),
      (error: unknown) =>
        isVertigoError(error) && error.code === 'CONFIG_INVALID' && pattern.test(error.message),
    )
})

test('faults of a configuration name the field', async () => {
  const faultsOf = async (kind: keyof typeof operatorKinds, config: Readonly<Record<string, unknown>>) => {
    const checked = await checkConfig(kindDefinition(operatorKinds[kind]), config)
    return 'faults' in checked
      ? checked.faults.map(({ path, message }) => `${path.join('.')} ${message}`)
      : []
  }
  assert.deepEqual(await faultsOf('map', {}), ['function is missing'])
  assert.deepEqual(await faultsOf('map', { function: 3 }), [
    'function must be the address of a function, such as "./rules.ts#isError"',
  ])
  assert.deepEqual(await faultsOf('map', { function: './a.ts', funktion: 1 }), [
    'funktion is not a field of this kind. Did you mean "function"?',
  ])
  assert.deepEqual(await faultsOf('counter', { x: 1 }), ['x is not a field of this kind, which has none'])
  assert.deepEqual(await faultsOf('take', { count: -1 }), ['count must be a whole number, 0 or more'])
  assert.deepEqual(await faultsOf('take', { count: 1.5 }), ['count must be a whole number, 0 or more'])
  assert.deepEqual(await faultsOf('throttle', { perSecond: 0 }), ['perSecond must be a number above 0'])
  assert.deepEqual(await faultsOf('split-words', { pattern: '(' }), [
    'pattern must be a regular expression, such as "[\\\\p{L}\']+"',
  ])
  assert.deepEqual(await faultsOf('split-words', { lowercase: true }), [
    'lowercase is not a field of this kind. Did you mean "lowerCase"?',
  ])
})

test('kinds are registered under their names, with the ports in and out, but for the end of a network', () => {
  for (const [name, kind] of Object.entries(operatorKinds)) {
    assert.equal(kind.builtIn, name)
    assert.deepEqual(Object.keys(kind.inputs), ['in'])
    assert.deepEqual(Object.keys(kind.outputs), name === 'answer' ? [] : ['out'])
    assert.match(kindDefinition(kind).description ?? '', /^[A-Z].*\.$/)
  }
})
