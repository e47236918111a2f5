import assert from 'node:assert/strict'
import test from 'node:test'
import { errorCodes } from '../../src/base/error-codes.ts'
import { assertCode, project, vertigo } from './support.ts'

const files = {
  'login.ts': `
import { defineComponent, port } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  outputs: { out: port<number>() },
  setup({ config }) {
    const { password } = config as { password: string }
    if (password.endsWith('ssword')) throw new Error('turned away with ' + password)
    return { on: { in: (_, { emit }) => emit.out(password.length) } }
  },
})`,
  'net.yaml': `
name: net
components:
  numbers: { kind: generator, config: { count: 1 } }
  login: { kind: ./login.ts, config: { password: '\${env:DB_PASSWORD}' } }
  result: { kind: stdout }
connections:
  - { from: numbers.out, to: login.in }
  - { from: login.out, to: result.in }
`,
}

test('a run reads secrets from its surroundings, and does not tell them', async (t) => {
  const cwd = project(t, files)
  const run = (env: Readonly<Record<string, string>>) => vertigo(t, ['run', 'net.yaml'], { cwd, env })
  const right = await run({ DB_PASSWORD: 'right' })
  assertCode(right, 0)
  assert.match(right.stdout, /^5$/m)
  const wrong = await run({ DB_PASSWORD: 'wrong password' })
  assertCode(wrong, errorCodes.COMPONENT_FAILED.exit)
  assert.match(wrong.stderr, /turned away with \$\{env:DB_PASSWORD\}/)
  assert.doesNotMatch(wrong.stdout + wrong.stderr, /wrong password/)
  const missing = await run({})
  assertCode(missing, errorCodes.SECRET_MISSING.exit)
  assert.match(missing.stderr, /SECRET_MISSING/)
  assert.match(
    missing.stderr,
    /login.*config\.password is \$\{env:DB_PASSWORD\}, but the variable DB_PASSWORD is not set/,
  )
  assertCode(await vertigo(t, ['validate', 'net.yaml'], { cwd }), 0)
})
