import assert from 'node:assert/strict'
import test from 'node:test'
import { assertCode, project, vertigo } from './support.ts'

const source = (placement: 'worker' | 'main'): string => `import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { defineSource, port } from 'vertigo-flow'

export default defineSource({
  placement: '${placement}',
  outputs: { out: port<string>() },
  async *read() {
    const thread = new Worker('require("node:worker_threads").parentPort.postMessage("from a thread")', {
      eval: true,
      execArgv: [...process.execArgv],
    })
    yield (await once(thread, 'message'))[0]
    yield process.platform === 'linux'
      ? readFileSync('/proc/self/cmdline', 'latin1').replaceAll('\\0', ' ')
      : '--v8-pool-size=0: it is not looked at'
  },
})
`

// In a thread, and where the engine is: of both, the process was started with the flag.
for (const placement of ['worker', 'main'] as const)
  test(`placement ${placement}: a component starts threads with the flags of its process, as Node allows; it has few collectors`, async (t) => {
    const cwd = project(t, {
      'threads.ts': source(placement),
      'net.yaml': `name: threads
components: { threads: { kind: ./threads.ts }, out: { kind: stdout } }
connections: [{ from: threads.out, to: out.in }]
`,
    })
    const result = await vertigo(t, ['run', 'net.yaml', '--workers', '2'], { cwd })
    assertCode(result, 0)
    assert.match(result.stdout, /^from a thread\n/)
    assert.match(result.stdout, / --v8-pool-size=\d/)
  })
