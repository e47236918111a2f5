import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ApiClient } from '../../../src/api/index.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { assertCode, project, type Result, type Session, start, vertigo } from '../../e2e/support.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually } from '../../support/eventually.ts'

/** A node in a process of its own, so that one which a bad disk ends is noticed, and an exactly-once network that counts into a file. */

/** Numbers from 0 on, each counted by its key and written with that count. `bytes`: of the state of each key. */
export interface TallyOptions {
  /** Default: it never ends. */
  readonly count?: number
  readonly rate?: number
  readonly bytes?: number
  /** Of snapshots, in milliseconds. Default 100. */
  readonly intervalMs?: number
  /** More of the file. */
  readonly says?: string
}

export function tally({
  count,
  rate = 200,
  bytes = 1,
  intervalMs = 100,
  says = '',
}: TallyOptions): Record<string, string> {
  const numbers = `rate: ${rate}${count === undefined ? '' : `, count: ${count}`}`
  return {
    'tally.yaml': `name: tally
guarantee: exactly-once
snapshot: { intervalMs: ${intervalMs} }
${says}components:
  numbers: { kind: generator, config: { ${numbers} } }
  count: { kind: ./count.ts }
  out: { kind: file-sink, config: { path: out.jsonl } }
connections:
  - { from: numbers.out, to: count.in, selector: hash }
  - { from: count.out, to: out.in }
`,
    'count.ts': `import { defineComponent, port, value } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  outputs: { out: port<readonly [number, number]>() },
  state: { seen: value(0), padding: value('') },
  on: {
    in: (n, { state, emit }) => {
      state.padding.set('x'.repeat(${bytes}))
      emit.out([n, state.seen.update((before) => before + 1)])
    },
  },
})
`,
  }
}

export interface PlaceOptions {
  readonly files: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Default: a folder below that of the project. */
  readonly store?: string
  readonly snapshots?: string
  /** Where the node runs, and writes its dead letters. Default: the project. */
  readonly home?: string
  /** What the sink writes. Default: `out.jsonl` of the project. */
  readonly out?: string
}

export class Place {
  readonly folder: string
  readonly store: string
  node!: Session
  client!: ApiClient
  private readonly t: TestContext
  private readonly options: PlaceOptions
  private address = ''

  constructor(t: TestContext, options: PlaceOptions) {
    this.t = t
    this.options = options
    this.folder = project(t, options.files)
    this.store = options.store ?? join(this.folder, 'store')
  }

  static async start(t: TestContext, options: PlaceOptions): Promise<Place> {
    const place = new Place(t, options)
    await place.begin()
    return place
  }

  /** A process of the node; another one after the last has ended. */
  async begin(): Promise<void> {
    this.node = this.launch()
    await this.node.until(/is the manager/)
    this.address = /API (http\S+?),/.exec(this.node.stdout)![1]!
    this.client = new ApiClient({ address: this.address, clock: systemClock, timeoutMs: 60_000 })
  }

  launch(): Session {
    const { snapshots, env, home = this.folder } = this.options
    const own = ['--store', `lmdb:${this.store}`, '--id', 'n', '--workers', '2', '--api', '127.0.0.1:0']
    const kept = snapshots === undefined ? [] : ['--snapshots', snapshots]
    return start(this.t, ['node', ...own, ...kept], { cwd: home, ...(env && { env }) })
  }

  ask(...args: readonly string[]): Promise<Result> {
    return vertigo(this.t, args, { cwd: this.folder, env: { VERTIGO_API: this.address } })
  }

  async deploy(...args: readonly string[]): Promise<void> {
    assertCode(await this.ask('deploy', 'tally.yaml', '--wait', ...args), 0)
  }

  /** What is published. */
  published(): readonly [number, number][] {
    const file = this.options.out ?? join(this.folder, 'out.jsonl')
    if (!existsSync(file)) return []
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as [number, number])
  }

  /** All numbers that were published, each once and in order, with a count of one. */
  checkPublished(): number {
    const found = this.published()
    assert.deepEqual(
      found,
      found.map((_, n) => [n, 1]),
    )
    return found.length
  }

  /** Waits until all that is committed is published, and gives how much that is: nothing else may be. The disk takes its time for it. */
  async publishedAll(): Promise<number> {
    const isCommitted = async (n: number): Promise<boolean> => {
      const code = await errorCode(this.client.state('tally', { component: 'count', key: n }))
      assert.ok(code === 'no error' || code === 'STATE_KEY_UNKNOWN', code)
      return code === 'no error'
    }
    const count = await eventually(
      'all that is committed is published',
      async () => {
        const found = this.checkPublished()
        return (await isCommitted(found)) ? undefined : found
      },
      40_000,
    )
    assert.ok(await isCommitted(count - 1), 'nothing is published that is not committed')
    return count
  }

  async publishesOn(): Promise<void> {
    const before = this.published().length
    await eventually('more is published', () => this.published().length > before + 20, 40_000)
  }

  assertLives(): void {
    const { exitCode, signalCode } = this.node.child
    assert.ok(exitCode === null && signalCode === null, `the node ended by ${signalCode ?? exitCode}`)
  }
}
