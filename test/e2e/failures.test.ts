import assert from 'node:assert/strict'
import test from 'node:test'
import { assertCode, project, throughComponent, vertigo } from './support.ts'

/** A component whose `close` is the one given. */
function closing(close: string): string {
  return `import { defineComponent, port } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  outputs: { out: port<number>() },
  setup: () => ({ on: { in: (n, { emit }) => emit.out(n) }, close: ${close} }),
})
`
}

/** Whatever a component does, the command ends, by the right code, and says who it was. */
interface Failure {
  readonly what: string
  readonly work: string
  readonly args?: readonly string[]
  readonly code: number
  readonly message: RegExp
  /** Set for what the engine does not do yet. */
}

const failures: readonly Failure[] = [
  {
    what: 'throws in its handler',
    work: "export default function work(n: number): number {\n  if (n === 5) throw new TypeError('no such number')\n  return n\n}\n",
    code: 1,
    message:
      /^error COMPONENT_FAILED: work\[0\] .*no such number\n {2}at work\.ts:2:\d+ [^]*\| +\^\n[^]*fix: /m,
  },
  {
    what: 'throws while it is loaded',
    work: "const table = JSON.parse('{')\nexport default (n: number): unknown => table[n]\n",
    code: 3,
    message:
      /KIND_LOAD_FAILED: .*work\.ts failed while it was loaded [^]*at work\.ts:1:\d+ \(components\.work\.kind\)/,
  },
  {
    what: 'has a syntax that cannot be stripped',
    work: 'enum Color { red }\nexport default (n: number): Color => n\n',
    code: 3,
    message: /TS_ENUM: [^]*at work\.ts:1:1 [^]*enum Color/,
  },
  {
    what: 'calls process.exit in its handler',
    work: 'export default function work(n: number): number {\n  if (n === 5) process.exit(0)\n  return n\n}\n',
    code: 1,
    message: /^error COMPONENT_EXITED: work\[0\] called process\.exit[^]*at work\.ts:2:/m,
  },
  {
    what: 'calls process.exit while it is loaded',
    work: 'process.exit(0)\nexport default (n: number): number => n\n',
    code: 3,
    message: /COMPONENT_EXITED: process\.exit\(0\) was called\n {4}at work\.ts:1:/,
  },
  {
    what: 'calls process.exit in its handler, in one process',
    work: 'export default function work(n: number): number {\n  if (n === 5) process.exit(0)\n  return n\n}\n',
    args: ['--workers', '0'],
    code: 1,
    message: /^error COMPONENT_EXITED: work\[0\]: [^]*at work\.ts:2:/m,
  },
  {
    what: 'ends the whole process',
    work: "export default function work(n: number): number {\n  if (n === 5) process.kill(process.pid, 'SIGKILL')\n  return n\n}\n",
    code: 1,
    message: /^error ENGINE_ABORTED: .*SIGKILL.*hosted .*work\[0\]/m,
  },
  {
    what: 'aborts the whole process',
    work: 'export default function work(n: number): number {\n  if (n === 5) process.abort()\n  return n\n}\n',
    code: 1,
    message: /^error (ENGINE_ABORTED|COMPONENT_FAILED): .*work\[0\]/m,
  },
  {
    what: 'throws outside of its handlers',
    work: "setTimeout(() => {\n  throw new Error('too late')\n}, 300)\nexport default async (n: number): Promise<number> => {\n  await new Promise((resolve) => setTimeout(resolve, 100))\n  return n\n}\n",
    code: 1,
    message: /^error COMPONENT_FAILED: .*too late[^]*at work\.ts:2:/m,
  },
  {
    what: 'blocks its thread for ever',
    work: 'export default function work(n: number): number {\n  while (n === 5);\n  return n\n}\n',
    args: ['--stall-ms', '8000'],
    code: 1,
    message: /^error COMPONENT_STALLED: work\[0\] has blocked its thread/m,
  },
  {
    what: 'blocks the main thread for ever while it is loaded',
    work: 'for (;;);\nexport default (n: number): number => n\n',
    args: ['--stall-ms', '1000'],
    code: 1,
    message: /^error COMPONENT_STALLED: a module of the network has blocked the main thread/m,
  },
  {
    what: 'blocks its thread for ever when it is closed',
    work: closing('() => { for (;;); }'),
    args: ['--duration', '0.3'],
    code: 1,
    message: /^error COMPONENT_STALLED: work\[0\] has blocked its thread for \d+ s while it was closed/m,
  },
  {
    what: 'never ends closing',
    work: closing('() => new Promise<void>(() => undefined)'),
    args: ['--duration', '0.3'],
    code: 1,
    message: /^error CLOSE_TIMEOUT: work\[0\] took longer than \d+ ms to close/m,
  },
  {
    what: 'throws an error whose causes form a circle',
    work: "export default function work(): void {\n  const error = new Error('around')\n  error.cause = new Error('and around', { cause: error })\n  throw error\n}\n",
    code: 1,
    message: /^error COMPONENT_FAILED: work\[0\] failed .*around\n {2}at work\.ts:2:/m,
  },
  {
    what: 'throws an error that cannot be read',
    work: "export default function work(): void {\n  throw Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('no') } })\n}\n",
    code: 1,
    message: /^error COMPONENT_FAILED: work\[0\] failed /m,
  },
  {
    what: 'keeps everything in an array',
    work: "const kept: unknown[] = []\nexport default function work(n: number): number {\n  for (let i = 0; i < 100; i++) kept.push({ n, text: 'x'.repeat(100) + n })\n  return n\n}\n",
    args: ['--memory-mb', '96'],
    code: 1,
    message: /^error (WORKER_MEMORY|ENGINE_ABORTED): .*work\[0\]/m,
  },
  {
    what: 'keeps everything in a Map',
    work: 'const kept = new Map<number, number>()\nexport default function work(n: number): number {\n  for (let i = 0; i < 100; i++) kept.set(n * 100 + i, n)\n  return n\n}\n',
    args: ['--memory-mb', '96'],
    code: 1,
    message: /^error (WORKER_MEMORY|ENGINE_ABORTED): .*work\[0\]/m,
  },
  {
    what: 'keeps buffers',
    work: 'const kept: Buffer[] = []\nexport default function work(n: number): number {\n  kept.push(Buffer.alloc(65_536, 1))\n  return n\n}\n',
    args: ['--memory-mb', '96'],
    code: 1,
    message: /^error WORKER_MEMORY: .*work\[0\]/m,
  },
  {
    what: 'allocates too much in one call',
    work: 'const kept: unknown[] = []\nexport default function work(n: number): number {\n  if (n === 100) for (let i = 0; ; i++) kept.push(new Array(1000).fill(i))\n  return n\n}\n',
    args: ['--memory-mb', '96', '--stall-ms', '8000'],
    code: 1,
    message: /^error (WORKER_MEMORY|ENGINE_ABORTED|COMPONENT_STALLED): .*work\[0\]/m,
  },
]

for (const { what, work, args = [], code, message } of failures)
  test(`a component that ${what}`, async (t) => {
    const cwd = project(t, { 'net.yaml': throughComponent(), 'work.ts': work })
    const result = await vertigo(t, ['run', 'net.yaml', ...args], { cwd })
    assertCode(result, code)
    assert.match(result.stderr, message)
    // The dump of V8 is summed up, and the frames of Node and of Vertigo are left out.
    assert.doesNotMatch(result.stderr, /node:internal|Native stack trace|src\/worker\//)
  })

/** Each message takes 400 ms of the thread, all of them 8 s, longer than a turn may; before them may be quick ones. */
const slowly = `function work(): void {
  const endMs = performance.now() + 400
  while (performance.now() < endMs);
}
`
const slowCount = 20
/** So many that the first slow one is in a step of 128 (`worker/turn-pace.ts`), mostly not in its last 15. */
const quickBefore = 20_000
const slow: Record<string, string> = {
  handler: `${slowly}
export default function handle(n: number): number {
  work()
  return n
}
`,
  'handler, after quick messages,': `${slowly}
export default function handle(n: number): number {
  if (n >= ${quickBefore}) work()
  return n
}
`,
  generator: `${slowly}
import { defineSource, port } from 'vertigo-flow'
export default defineSource({
  outputs: { out: port<number>() },
  *read() {
    for (let n = 0; n < ${slowCount}; n++) {
      work()
      yield n
    }
  },
})
`,
  'generator that says it is asynchronous': `${slowly}
import { defineSource, port } from 'vertigo-flow'
export default defineSource({
  outputs: { out: port<number>() },
  async *read() {
    for (let n = 0; n < ${slowCount}; n++) {
      work()
      yield n
    }
  },
})
`,
}

for (const [what, code] of Object.entries(slow))
  test(`a slow ${what} does not count as one that blocks its thread: all others have their turns in between`, async (t) => {
    const count = what.includes('after quick') ? quickBefore + slowCount : slowCount
    const isHandler = what.startsWith('handler')
    const from = isHandler ? `{ kind: generator, config: { count: ${count} } }` : '{ kind: ./slow.ts }'
    const through = isHandler ? './slow.ts' : './pass.ts'
    const cwd = project(t, {
      'slow.ts': code,
      'pass.ts': 'export default (n: number): number => n\n',
      'net.yaml': `name: slow
components: { from: ${from}, through: { kind: ${through} }, out: { kind: stdout } }
connections: [{ from: from.out, to: through.in }, { from: through.out, to: out.in }]
`,
    })
    const result = await vertigo(t, ['run', 'net.yaml', '--workers', '2', '--stall-ms', '6000'], { cwd })
    assertCode(result, 0)
    assert.equal(result.stdout.trimEnd().split('\n').length, count)
  })

test('a feeder has no code to be fed by', async (t) => {
  const cwd = project(t, {
    'net.yaml': `name: fed
components: { orders: { kind: feeder }, out: { kind: log } }
connections: [{ from: orders.out, to: out.in }]
`,
  })
  const result = await vertigo(t, ['run', 'net.yaml'], { cwd })
  assertCode(result, 3)
  assert.match(result.stderr, /^error BRIDGE_MISSING: orders/m)
})
