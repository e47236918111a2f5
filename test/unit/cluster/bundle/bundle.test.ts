import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isVertigoError } from '../../../../src/base/errors.ts'
import {
  concat,
  decodeBundle,
  decodeManifest,
  encodeBundle,
  encodeManifest,
  makeBundle,
  sha256,
  split,
} from '../../../../src/cluster/bundle/bundle.ts'
import { bundleBytesMax } from '../../../../src/cluster/bundle/limits.ts'

const code = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return isVertigoError(error) ? error.code : String(error)
  }
  return 'nothing'
}

test('bytes in pieces are the same bytes, and no piece is too large', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (bytes, size) => {
      const pieces = split(bytes, size)
      assert.ok(pieces.length >= 1 && pieces.every((piece) => piece.length <= size))
      assert.deepEqual(concat(pieces), bytes)
    }),
  )
})

const names = fc.stringMatching(/^[a-z]{1,5}\.js$/)
const someFiles = fc.dictionary(names, fc.uint8Array({ maxLength: 50 }), { maxKeys: 5 })

test('a bundle that is sent is the same; with any bit changed it is none', () => {
  fc.assert(
    fc.property(someFiles, fc.nat(), fc.integer({ min: 0, max: 7 }), (files, at, bit) => {
      const bundle = makeBundle(
        'main.js',
        new Map(Object.entries({ ...files, 'main.js': new Uint8Array(3) })),
        [],
      )
      const bytes = encodeBundle(bundle)
      assert.deepEqual(decodeBundle(bundle.hash, bytes), bundle)
      bytes[at % bytes.length]! ^= 1 << bit
      assert.equal(
        code(() => decodeBundle(bundle.hash, bytes)),
        'BUNDLE_DAMAGED',
      )
      assert.equal(
        code(() => decodeBundle(bundle.hash, bytes.subarray(0, at % bytes.length))),
        'BUNDLE_DAMAGED',
      )
    }),
  )
})

test('the hash does not depend on the order in which files are given', () => {
  const files = [
    ['b.js', new Uint8Array(1)],
    ['main.js', new Uint8Array(2)],
  ] as const
  assert.equal(
    makeBundle('main.js', new Map(files), []).hash,
    makeBundle('main.js', new Map(files.toReversed()), []).hash,
  )
})

test('a bundle that leads out of its folder, or is too large, is none', () => {
  for (const path of ['../a.js', '/a.js', 'a/../../b.js', 'a\\b.js', '.hidden', 'a//b.js', '']) {
    const { manifest } = makeBundle('main.js', new Map([[path, new Uint8Array(1)]]), [])
    const bytes = encodeManifest(manifest)
    assert.equal(
      code(() => decodeManifest(sha256(bytes), bytes, 'a test')),
      'BUNDLE_DAMAGED',
      path,
    )
  }
  const { manifest } = makeBundle('main.js', new Map([['main.js', new Uint8Array(1)]]), ['../up'])
  const bytes = encodeManifest(manifest)
  assert.equal(
    code(() => decodeManifest(sha256(bytes), bytes, 'a test')),
    'BUNDLE_DAMAGED',
  )
  const large = new Map([['main.js', new Uint8Array(bundleBytesMax + 1)]])
  assert.equal(
    code(() => makeBundle('main.js', large, [])),
    'BUNDLE_TOO_LARGE',
  )
})
