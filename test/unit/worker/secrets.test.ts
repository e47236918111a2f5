import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { errorToData, isVertigoError, VertigoError } from '../../../src/base/errors.ts'
import { holdsReference, isReferenceAt } from '../../../src/model/secret-references.ts'
import { Secrets } from '../../../src/worker/secrets.ts'

process.env['VERTIGO_TEST_SECRET'] = 'hush hush/now'
process.env['VERTIGO_TEST_LONGER'] = 'hush hush/now and then'
const reference = '${env:VERTIGO_TEST_SECRET}'

test('references are replaced wherever they stand; escaped ones and all else with a $ mean themselves', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-secret-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'password')
  writeFileSync(file, 'from a file\n')
  const secrets = new Secrets()
  const config = {
    whole: reference,
    part: `postgres://me:${reference}@host/$1`,
    deep: [{ file: `\${file:${file}}` }, 1, null],
    escaped: `$${reference}`,
    other: '${name} $env ${other:x}',
  }
  assert.deepEqual(await secrets.resolve(config, 'count'), {
    whole: 'hush hush/now',
    part: 'postgres://me:hush hush/now@host/$1',
    deep: [{ file: 'from a file' }, 1, null],
    escaped: reference,
    other: '${name} $env ${other:x}',
  })
  const plain = { a: 1 }
  assert.equal(await secrets.resolve(plain, 'count'), plain)
})

test('a text without references is never changed', async () => {
  const secrets = new Secrets()
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      fc.pre(!holdsReference(text))
      assert.deepEqual(await secrets.resolve({ text }, 'a'), { text })
      assert.deepEqual(await secrets.resolve({ text: `${text}$\${env:A}` }, 'a'), {
        text: `${text}\${env:A}`,
      })
    }),
  )
})

test('a secret that is not there is named with component and field', async () => {
  const secrets = new Secrets()
  for (const text of ['${env:VERTIGO_NO_SUCH}', '${file:/no/such/file}', '${env:}']) {
    const failing = secrets.resolve({ db: { password: text } }, 'count')
    await assert.rejects(failing, (error) => {
      assert.ok(isVertigoError(error) && error.code === 'SECRET_MISSING')
      assert.ok(error.message.startsWith(`config.db.password is ${text}, but `), error.message)
      assert.equal(error.place.path, 'components.count.config.db.password')
      return true
    })
  }
})

test('errors and logs show the reference in place of the secret', async () => {
  const secrets = new Secrets()
  await secrets.resolve({ a: reference, b: '${env:VERTIGO_TEST_LONGER}' }, 'count')
  const cause = Object.assign(new Error('cannot log in with hush hush/now'), { name: 'LoginError' })
  const error = new VertigoError('COMPONENT_FAILED', 'at db://hush%20hush%2Fnow', { cause })
  const data = JSON.stringify(errorToData(secrets.hideInError(error)))
  assert.doesNotMatch(data, /hush/)
  assert.ok(data.includes(`cannot log in with ${reference}`))
  assert.deepEqual(secrets.hide({ details: [{ 'hush hush/now': 'hush hush/now and then' }], n: 1 }), {
    details: [{ [reference]: '${env:VERTIGO_TEST_LONGER}' }],
    n: 1,
  })
  const harmless = new Error('nothing in it')
  assert.equal(secrets.hideInError(harmless), harmless)
  const record = { text: 'nothing', at: new Date(0) }
  assert.equal(secrets.hide(record), record)
})

test('what is wrong with a reference as it is written is no fault of the configuration', () => {
  const config = { url: `http://${reference}`, port: 1, list: [{ a: reference }] }
  assert.ok(
    isReferenceAt(config, ['url']) &&
      isReferenceAt(config, ['list', 0, 'a']) &&
      isReferenceAt(config, ['list']),
  )
  assert.ok(!isReferenceAt(config, ['port']) && !isReferenceAt(config, ['none']))
})
