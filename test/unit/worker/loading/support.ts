import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { isVertigoError, type VertigoError } from '../../../../src/base/errors.ts'
import { defineFunction } from '../../../../src/component/define.ts'
import type { Kind } from '../../../../src/component/kind.ts'
import { createLoader, type LoaderOptions } from '../../../../src/worker/load-module.ts'
import type { Load } from '../../../../src/worker/worker.ts'

const fixtures = new URL('../../../fixtures/', import.meta.url)

/** The path of a file under `test/fixtures`. */
export function fixture(path: string): string {
  return fileURLToPath(new URL(path, fixtures))
}

export const takeKind = defineFunction((value: unknown) => value) as Kind

export function makeLoader(options: Partial<LoaderOptions> = {}): Load {
  return createLoader({
    builtIn: async (name) => (name === 'take' ? takeKind : undefined),
    builtInNames: ['take', 'file-lines'],
    ...options,
  })
}

/** The error that loading ends with. */
export async function failureOf(loading: Promise<unknown>): Promise<VertigoError> {
  try {
    await loading
  } catch (error) {
    assert.ok(isVertigoError(error), `not explained: ${String(error)}`)
    return error
  }
  assert.fail('nothing failed')
}
