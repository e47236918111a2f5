import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { errorCodes } from '../../src/base/error-codes.ts'
import { assertCode, vertigo } from './support.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vertigo-certs-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const certificate = (file: string): X509Certificate => new X509Certificate(readFileSync(file))

test('an authority and certificates are made, used again for more nodes, and never overwritten', async (t) => {
  const cwd = folder(t)
  const made = await vertigo(t, ['certs', 'create', 'certs', '--nodes', 'a,b', '--days', '30'], { cwd })
  assertCode(made, 0)
  const certs = join(cwd, 'certs')
  assert.deepEqual(readdirSync(certs).toSorted(), ['a.key', 'a.pem', 'b.key', 'b.pem', 'ca.key', 'ca.pem'])
  for (const name of ['a', 'b', 'ca']) {
    assert.equal(statSync(join(certs, `${name}.key`)).mode & 0o777, 0o600, name)
    assert.match(made.stdout, new RegExp(`certs/${name}\\.pem`))
  }
  const ca = certificate(join(certs, 'ca.pem'))
  const a = certificate(join(certs, 'a.pem'))
  assert.ok(a.verify(ca.publicKey) && a.checkIssued(ca))
  assert.equal(a.subjectAltName, 'DNS:a, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1')
  const days = (a.validToDate.getTime() - Date.now()) / 86_400_000
  assert.ok(days > 29 && days <= 30, String(days))

  const before = readFileSync(join(certs, 'a.key'), 'utf8')
  const again = await vertigo(t, ['certs', 'create', 'certs', '--nodes', 'c,a'], { cwd })
  assertCode(again, errorCodes.CERTIFICATE_EXISTS.exit)
  assert.match(again.stderr, /a\.pem is there already/)
  assert.equal(readFileSync(join(certs, 'a.key'), 'utf8'), before)
  assert.ok(!readdirSync(certs).includes('c.key'), 'nothing is written where one file is there')

  assertCode(
    await vertigo(t, ['certs', 'create', 'certs', '--nodes', 'c', '--hosts', 'c.example,10.0.0.9'], { cwd }),
    0,
  )
  const hosts = certificate(join(certs, 'c.pem')).subjectAltName
  assert.match(hosts ?? '', /^DNS:c, DNS:c\.example, IP Address:127\.0\.0\.1, .*, IP Address:10\.0\.0\.9$/)
  assert.ok(certificate(join(certs, 'c.pem')).checkIssued(ca))
  assert.ok(certificate(join(certs, 'c.pem')).verify(ca.publicKey))
})

test('wrong names, and an authority without its key, are refused with nothing written', async (t) => {
  const cwd = folder(t)
  for (const nodes of ['', 'a,,b', 'a,a', 'ca', '../a', 'a b']) {
    const refused = await vertigo(t, ['certs', 'create', 'certs', `--nodes=${nodes}`], { cwd })
    assertCode(refused, errorCodes.USAGE.exit)
  }
  assert.deepEqual(readdirSync(cwd), [])
  writeFileSync(join(cwd, 'ca.pem'), 'something')
  const half = await vertigo(t, ['certs', 'create', '.', '--nodes', 'a'], { cwd })
  assertCode(half, errorCodes.CERTIFICATE_EXISTS.exit)
  assert.deepEqual(readdirSync(cwd), ['ca.pem'])
})
