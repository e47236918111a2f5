import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorCodes } from '../../../src/base/error-codes.ts'
import { nodeFault } from '../../../src/cli/node-version.ts'
import { inRoot } from '../../../scripts/lib/paths.ts'

test('the command runs on every Node that package.json allows, and says so on older ones', () => {
  const { engines } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')) as {
    readonly engines: { readonly node: string }
  }
  const oldest = /^>=(\d+\.\d+)$/.exec(engines.node)?.[1]
  for (const version of [`${oldest}.0`, '22.20.1', '24.0.0', '26.10.0', '27.0.0-nightly'])
    assert.equal(nodeFault(version), undefined, version)
  for (const version of ['22.17.9', '20.19.5', '18.0.0', '9.9.9']) {
    const fault = nodeFault(version) ?? ''
    assert.match(fault, /^error NODE_UNSUPPORTED: /)
    assert.ok(fault.includes(`Node ${oldest} or newer; this is Node ${version}.`), fault)
  }
  assert.equal(errorCodes.NODE_UNSUPPORTED.exit, 2)
})
