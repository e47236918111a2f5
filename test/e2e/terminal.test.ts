import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test, { type TestContext } from 'node:test'
import { assertCode, project, type Result, Session, throughComponent, vertigoCommand } from './support.ts'

/** `script` of util-linux gives a command a terminal. */
const hasScript = spawnSync('script', ['--version']).stdout?.toString().includes('util-linux')
const skip = hasScript ? false : 'there is no `script` of util-linux'

const work = 'export default (n: number): number => n\n'

/** Runs `vertigo` on a terminal of `columns` columns; its output is all of what the terminal got. */
function onTerminal(t: TestContext, columns: number, args: readonly string[], env = {}): Session {
  const cwd = project(t, { 'net.yaml': throughComponent(), 'work.ts': work })
  const command = [...vertigoCommand, ...args].map((part) => `'${part}'`).join(' ')
  const line = `stty cols ${columns} rows 30; echo "process $$"; exec ${command}`
  return new Session(t, ['script', '-qec', line, '/dev/null'], {
    cwd,
    env: { TERM: 'xterm-256color', ...env },
    // Held open: at its end `script` would send an end of file.
    input: undefined,
  })
}

/** Runs until the table has been drawn a few times. */
async function drawn(t: TestContext, columns: number, env = {}): Promise<Result> {
  const session = onTerminal(t, columns, ['run', 'net.yaml'], env)
  await session.until(/(?:: running[^]*?\bwork\b[^]*?){5}/)
  process.kill(Number(/^process (\d+)/m.exec(session.stdout)![1]), 'SIGINT')
  return session.ended()
}

function withoutCodes(text: string): string[] {
  return text.replaceAll(/\u001b\[[0-9;?]*[a-zA-Z]/g, '').split(/[\r\n]+/)
}

test('on a terminal a table is redrawn in place, and a summary stays', { skip }, async (t) => {
  const result = await drawn(t, 80)
  assertCode(result, 0)
  const lines = withoutCodes(result.stdout)
  assert.ok(lines.some((line) => /^test: running {2}.*Ctrl-C drains$/.test(line)))
  assert.ok(lines.some((line) => /^work +1 +[\d.]+[kM]? +[\d.]+[kM]? [█░]{10}/.test(line)))
  assert.match(result.stdout, /\u001b\[\d+A/, 'the cursor goes back up')
  assert.match(result.stdout, /\u001b\[1m/, 'it has colors')
  const summary = lines.findLastIndex((line) => line.startsWith('test: finished in '))
  assert.match(lines[summary + 1] ?? '', /^ {2}component +instances +in +out$/)
})

test('colors are left out where NO_COLOR is set, and lines fit a narrow terminal', { skip }, async (t) => {
  const result = await drawn(t, 40, { NO_COLOR: '1' })
  assertCode(result, 0)
  assert.doesNotMatch(result.stdout, /\u001b\[[0-9;]*m/)
  const lines = withoutCodes(result.stdout)
  const summary = lines.findIndex((line) => line.startsWith('test: finished in '))
  for (const line of lines.slice(0, summary)) assert.ok(line.length < 40, `${line.length}: ${line}`)
})
