import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Clock } from '../../../../src/base/clock.ts'
import { isKind } from '../../../../src/component/kind.ts'
import { failureOf, fixture, makeLoader, takeKind } from './support.ts'

const base = fixture('loading/net.yaml')
const ofNet = fixture('loading/net.ts')
const load = makeLoader()

describe('what addresses give', () => {
  test('the default export, or the one that is named', async () => {
    assert.ok(isKind(await load({ address: './kinds.ts', base })))
    const isError = (await load({ address: './kinds.ts#isError', base })) as (line: string) => boolean
    assert.equal(isError('E1'), true)
  })

  test('the same value each time, from a path and from a URL, evaluated once', async () => {
    const addresses = [
      './kinds.ts',
      fixture('loading/kinds.ts'),
      pathToFileURL(fixture('loading/kinds.ts')).href,
    ]
    const loaded = await Promise.all(addresses.map((address) => load({ address, base })))
    const again = await makeLoader()({ address: './kinds.ts', base: pathToFileURL(base).href })
    assert.equal(new Set([...loaded, again]).size, 1)
    assert.equal((globalThis as { kindsLoaded?: number }).kindsLoaded, 1)
  })

  test('a built-in kind', async () => {
    assert.equal(await load({ address: 'take', base }), takeKind)
  })

  test('code of a network: kinds, selectors, networks inside', async () => {
    assert.ok(isKind(await load({ address: '#plus', base: ofNet })))
    assert.equal(typeof (await load({ address: '#selector:plus.out->minus.in', base: ofNet })), 'function')
    const twice = await load({ address: '#inner/twice', base: ofNet })
    assert.ok(isKind(twice))
    assert.equal(await load({ address: '#twice', base: `${pathToFileURL(ofNet).href}#inner` }), twice)
  })

  test('code of a network in another file comes before named exports', async () => {
    assert.ok(isKind(await load({ address: './net.ts#plus', base })))
    assert.equal(await load({ address: './net.ts#other', base }), 1)
  })
})

describe('addresses that lead nowhere', () => {
  const fails = async (address: string, code: string, message: RegExp, from = base): Promise<void> => {
    const error = await failureOf(load({ address, base: from }))
    assert.deepEqual([error.code, error.place.file], [code, from])
    assert.match(error.message, message)
  }

  test('names: a misspelt built-in kind, a path without "./", a module of Node', async () => {
    await fails('filelines', 'KIND_UNKNOWN', /Did you mean "file-lines"\?/)
    await fails('kinds', 'KIND_UNKNOWN', /Did you mean "\.\/kinds\.ts"\?/)
    await fails('kinds.ts', 'KIND_UNKNOWN', /Did you mean "\.\/kinds\.ts"\?/)
    await fails('stream', 'KIND_UNKNOWN', /"stream" is no built-in kind/)
    const { remedy } = await failureOf(load({ address: 'nothing', base }))
    assert.match(remedy, /a path that begins with `\.\/`/)
  })

  test('a built-in kind that is listed but does not come', async () => {
    await fails('file-lines', 'KIND_UNKNOWN', /"file-lines" is no built-in kind/)
  })

  test('files: misspelt, another extension, no extension, a folder', async () => {
    await fails(
      './knids.ts',
      'KIND_NOT_FOUND',
      /loading.knids\.ts does not exist\. Did you mean "\.\/kinds\.ts"\?/,
    )
    await fails('./kinds.js', 'KIND_NOT_FOUND', /Did you mean "\.\/kinds\.ts"\?/)
    await fails('./kinds', 'KIND_NOT_FOUND', /Did you mean "\.\/kinds\.ts"\?/)
    await fails('../loading/kinds#split', 'KIND_NOT_FOUND', /Did you mean "\.\.\/loading\/kinds\.ts"\?/)
    await fails('./lib', 'KIND_NOT_FOUND', /loading.lib does not exist\.$|is not a file\.$/)
    await fails('./nowhere/at/all.ts', 'KIND_NOT_FOUND', /does not exist\.$/)
  })

  test('files of networks, which are no modules', async () => {
    await fails('./inner.yaml', 'KIND_INVALID', /is the file of a network/)
    await fails('#plus', 'KIND_UNKNOWN', /builds no network in code/)
  })

  test('exports', async () => {
    const kinds = fixture('loading/kinds.ts')
    const named = await failureOf(load({ address: './kinds.ts#isErorr', base }))
    assert.deepEqual([named.code, named.place], ['EXPORT_MISSING', { file: kinds }])
    assert.match(named.message, /Its exports: default, isError, split\. Did you mean "isError"\?/)
    const noDefault = await failureOf(load({ address: './no-default.ts', base: fixture('broken/net.yaml') }))
    assert.equal(noDefault.code, 'EXPORT_MISSING')
    assert.match(noDefault.message, /has no default export\. Its exports: count, split\./)
    assert.match(noDefault.remedy, /"\.\/no-default\.ts#count"/)
  })

  test('code of networks', async () => {
    const unknown = await failureOf(load({ address: '#pluss', base: ofNet }))
    assert.equal(unknown.code, 'KIND_UNKNOWN')
    assert.match(unknown.message, /Did you mean "plus"\?/)
    const from = fixture('broken/no-network.ts')
    const none = await failureOf(load({ address: '#plus', base: from }))
    assert.deepEqual([none.code, none.place], ['KIND_INVALID', { file: from }])
    assert.match(none.remedy, /Export the network by default/)
  })
})

describe('time', () => {
  const clock = (delays: number[], cancelled: number[] = []): Clock => ({
    now: () => 0,
    monotonic: () => 0,
    after(delayMs, action) {
      delays.push(delayMs)
      if (delays.length === 1) setImmediate(action)
      return () => cancelled.push(delayMs)
    },
    every: () => () => undefined,
    soon: () => undefined,
  })

  test('a module that never finishes is given up, at the place where it waits', async () => {
    const delays: number[] = []
    const error = await failureOf(
      makeLoader({ clock: clock(delays) })({
        address: './indirect/never.ts',
        base: fixture('broken/net.yaml'),
      }),
    )
    assert.deepEqual(delays, [30_000])
    assert.equal(error.code, 'KIND_LOAD_TIMEOUT')
    assert.deepEqual(error.place, { file: fixture('broken/never.ts'), line: 1, column: 1 })
    assert.match(
      error.message,
      /indirect.never\.ts did not finish loading within 30000 ms; .*: await new Promise/,
    )
  })

  test('the limit is an option, and its timer ends with the loading', async () => {
    const delays = [0]
    const cancelled: number[] = []
    const quick = makeLoader({ clock: clock(delays, cancelled), loadMsMax: 7 })
    await quick({ address: './kinds.ts', base })
    await failureOf(quick({ address: './enum.ts', base: fixture('broken/net.yaml') }))
    assert.deepEqual(
      [delays, cancelled],
      [
        [0, 7, 7],
        [7, 7],
      ],
    )
  })
})
