import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { errorCodes } from '../../src/base/error-codes.ts'
import { assertCode, project, start, vertigo } from './support.ts'

/** Networks, files and times that have no end, or none that anybody lives to see. */

const logging = `name: logging
components:
  numbers: { kind: generator }
  out: { kind: log }
connections:
  - { from: numbers.out, to: out.in }
`

/** The most memory that a process, or one below it, has had so far, in bytes; 0 where it has ended. */
function peakBytes(pid: number): number {
  try {
    const [, kilobytes = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    const below = readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
      .filter((child) => child !== '')
    return Math.max(Number(kilobytes) * 1024, ...below.map((child) => peakBytes(Number(child))))
  } catch {
    return 0
  }
}

/** Far more than it takes, far less than what comes together where nothing slows the generator down. */
const memoryBytesMax = 700 * 2 ** 20

test(
  'a log that is written without end is not taken for a stall, takes bounded memory, and ends in time',
  { skip: process.platform === 'linux' ? false : 'memory is read from /proc' },
  async (t) => {
    const cwd = project(t, { 'net.yaml': logging })
    const args = ['run', 'net.yaml', '--duration', '9', '--stall-ms', '6000']
    const session = start(t, args, { cwd })
    let peak = 0
    const look = setInterval(() => {
      peak = Math.max(peak, peakBytes(session.child.pid ?? 0))
    }, 50)
    const result = await session.ended().finally(() => clearInterval(look))
    assert.equal(result.code, 0, result.stderr.slice(-2000))
    assert.equal(result.stdout, '')
    assert.doesNotMatch(result.stderr.slice(-2000), /^error /m)
    assert.match(result.stderr.slice(-2000), /logging: finished in/)
    assert.match(result.stderr, /draining: the time given is over/)
    const [, sent = ''] = /numbers +1 +- +([\d,]+)/.exec(result.stderr.slice(-2000)) ?? []
    assert.ok(Number(sent.replaceAll(',', '')) > 1000, `only ${sent} numbers in 9 s`)
    assert.ok(peak > 0 && peak < memoryBytesMax, `a process took ${Math.round(peak / 2 ** 20)} MB`)
  },
)

test('an error about a device without end is told in a block, and the command ends', async (t) => {
  const cwd = project(t, {
    'net.yaml': `name: zeros
components:
  lines: { kind: file-lines, config: { path: /dev/zero, maxLineBytes: 100000 } }
  out: { kind: stdout }
connections:
  - { from: lines.out, to: out.in }
`,
  })
  const result = await vertigo(t, ['run', 'net.yaml'], { cwd })
  assertCode(result, errorCodes.LINE_TOO_LONG.exit)
  assert.match(result.stderr, /^error LINE_TOO_LONG: lines.*\/dev\/zero.*\n[^]* {2}fix: /m)
  assert.ok(result.stderr.length < 5000, `${result.stderr.length} characters`)
  assert.equal(result.stdout, '')
})

test('a duration longer than the timers of Node does not end the run at once', async (t) => {
  const cwd = project(t, {
    'net.yaml': `name: slow
components:
  numbers: { kind: generator, config: { count: 4, rate: 10 } }
  out: { kind: stdout }
connections:
  - { from: numbers.out, to: out.in }
`,
  })
  const seconds = String(2 * 2 ** 31)
  for (const workers of ['0', '1']) {
    const args = ['run', 'net.yaml', '--duration', seconds, '--workers', workers]
    const result = await vertigo(t, args, { cwd })
    assertCode(result, 0)
    assert.equal(result.stdout, '0\n1\n2\n3\n')
    assert.doesNotMatch(result.stderr, /time given|Overflow/)
  }
})
