/**
 * Runs the check of every example and compares its output with an independent computation.
 *
 *   node examples/run-all.ts                    with the command from the sources
 *   node examples/run-all.ts --vertigo <path>   with this command
 *
 * The last line is `N passed, N failed, N skipped`; the exit code is 1 where one failed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const home = import.meta.dirname
let passed = 0
let failed = 0

for (const name of readdirSync(home).toSorted()) {
  const check = join(home, name, 'check.ts')
  if (!/^\d\d-/.test(name) || !existsSync(check)) continue
  const startMs = performance.now()
  const { code, output } = await runCheck(check)
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (code === 0) passed++
  else {
    failed++
    console.log(output.trimEnd().replaceAll(/^/gm, '  '))
  }
}

console.log(`\n${passed} passed, ${failed} failed, 0 skipped`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

async function runCheck(check: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [...process.execArgv, check, ...process.argv.slice(2)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}
