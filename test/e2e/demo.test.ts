import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { countWords, differences } from '../../scripts/demo/plain-count.ts'
import { inRoot } from '../../scripts/lib/paths.ts'
import { runOrThrow } from '../../scripts/lib/process.ts'
import { eventually } from '../support/eventually.ts'
import { assertCode, repository, Session } from './support.ts'

const script = [process.execPath, '--conditions=vertigo-src', join(repository, 'scripts/demo.ts')]
const shakespeare = inRoot('../shared/data/shakespeare.txt')

/** A demo whose temporary files are in a folder of the test's, and the input beside that. */
class Play {
  readonly inputs: string
  private readonly temporary: string
  private session: Session | undefined

  constructor(t: TestContext) {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vertigo-demo-test-')))
    this.temporary = mkdtempSync(join(folder, 'temporary-'))
    this.inputs = mkdtempSync(join(folder, 'inputs-'))
    t.after(() => {
      for (const pid of this.pids) end(pid)
      rmSync(folder, { recursive: true, force: true })
    })
  }

  input(name: string, text: string): string {
    const path = join(this.inputs, name)
    writeFileSync(path, text)
    return path
  }

  start(t: TestContext, args: readonly string[], command: readonly string[] = script): Session {
    this.session = new Session(t, [...command, ...args], {
      cwd: repository,
      env: { TMPDIR: this.temporary },
    })
    return this.session
  }

  /** Of the nodes that have joined. */
  get pids(): readonly number[] {
    const said = this.session?.stdout ?? ''
    // A node that has lost its lease on a busy machine joins again.
    return [...new Set(Array.from(said.matchAll(/has joined, process (\d+)/g), ([, pid]) => Number(pid)))]
  }

  async nodesGone(): Promise<void> {
    await eventually(`the nodes (processes ${this.pids.join(', ')}) are gone`, () => !this.pids.some(lives))
  }

  async nothingLeft(): Promise<void> {
    await this.nodesGone()
    // The cache of compiled code is Node's own, for later starts.
    const left = readdirSync(this.temporary).filter((name) => name !== 'node-compile-cache')
    assert.deepEqual(left, [])
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended, as it should.
  }
}

function numberAfter(output: string, label: string): number {
  const found = new RegExp(`^ *${label} +([\\d,]+)`, 'm').exec(output)
  assert.ok(found, `nothing was said of "${label}":\n${output}`)
  return Number(found[1]!.replaceAll(',', ''))
}

describe('the demo', () => {
  test('kills a node in the middle of the text of the installed packages, and all counts are equal in the end', async (t) => {
    const play = new Play(t)
    const result = await play.start(t, [], ['npm', 'run', '--silent', 'demo']).ended()
    assertCode(result, 0)
    const { stdout } = result
    assert.match(
      stdout,
      /^Counting the words of [\d,]+ files \(\d+\.\d MB, [\d,]+ words\) on a cluster of three nodes\.$/m,
    )
    assert.equal(play.pids.length, 3)
    const kill = /kill -9 (\d+): (node-\d) is killed, with (.*count\[\d\].*)$/m.exec(stdout)
    assert.ok(kill, stdout)
    assert.ok(play.pids.includes(Number(kill[1])))
    const before = stdout.slice(0, kill.index)
    const manager = [...before.matchAll(/(node-\d) is elected to be the manager/g)].at(-1)?.[1]
    assert.notEqual(kill[2], manager)
    const lost = kill[3]!.match(/\w+\[\d\]/g) ?? []
    const moved = /\+ \d+ ms: the manager has them run elsewhere: (.*)$/m.exec(stdout)?.[1] ?? ''
    for (const instance of lost) assert.ok(moved.includes(`${instance} on node-`), `${instance}: ${stdout}`)
    assert.ok(!moved.includes(kill[2]!), stdout)
    for (const label of ['noticed by the others', 'running on another node', 'publishing again'])
      assert.match(stdout, new RegExp(`^ +${label} +after \\d+ ms$`, 'm'))
    assert.match(stdout, /^ +went back to +snapshot \d+$/m)
    const [there, counted] = [numberAfter(stdout, 'words in the text'), numberAfter(stdout, 'words counted')]
    assert.equal(counted, there)
    assert.match(stdout, /difference +none: [\d,]+ different words, all counts equal/)
    assert.match(stdout, /^ +[\d,]+ {2}the$/m)
    assert.doesNotMatch(stdout, /^Wrong/m)
    assert.equal(stdout.includes('\x1b'), false)
    await play.nothingLeft()
  })

  test('counts all of a text that is too short for a failure', async (t) => {
    const play = new Play(t)
    const file = play.input('short.txt', "the cat, THE dog naïve isn't x1y the")
    const result = await play.start(t, [file]).ended()
    assertCode(result, 0)
    assert.match(result.stdout, /^ +3 {2}the$/m)
    assert.match(result.stdout, /difference +none: 9 different words, all counts equal/)
    await play.nothingLeft()
  })

  test('an empty text is counted, too', async (t) => {
    const play = new Play(t)
    const result = await play.start(t, [play.input('empty.txt', '')]).ended()
    assertCode(result, 0)
    assert.equal(numberAfter(result.stdout, 'words counted'), 0)
    await play.nothingLeft()
  })

  test('refuses what is no file of text before anything is started', async (t) => {
    const play = new Play(t)
    for (const [args, code, said] of [
      [[join(play.inputs, 'none.txt')], 1, /^FILE_NOT_FOUND: .*none\.txt/m],
      [[play.inputs], 1, /^FILE_IS_DIRECTORY: /m],
      [['--loud'], 2, /^Usage: /m],
    ] as const) {
      const result = await play.start(t, args).ended()
      assertCode(result, code)
      assert.match(result.stderr, said)
      assert.equal(result.stdout, '')
      await play.nothingLeft()
    }
  })

  test('says which node could not be started', async (t) => {
    const play = new Play(t)
    const broken = await play.start(t, ['--vertigo', 'false', play.input('a.txt', 'a')]).ended()
    assertCode(broken, 1)
    assert.match(broken.stderr, /node-\d has ended by itself \(exit code 1\)/)
    await play.nothingLeft()
    const missing = await play.start(t, ['--vertigo', './no-such-command', play.input('a.txt', 'a')]).ended()
    assertCode(missing, 1)
    assert.match(missing.stderr, /no-such-command ENOENT/)
    await play.nothingLeft()
  })

  for (const [when, seen] of [
    ['while nodes start', /has joined/],
    ['while words are counted', /words published, [1-9][\d,]* a second, running/],
  ] as const)
    test(`Ctrl-C ${when} ends all of it`, async (t) => {
      const play = new Play(t)
      const session = play.start(t, [])
      await session.until(seen)
      session.child.kill('SIGINT')
      const result = await session.ended()
      assertCode(result, 130)
      assert.equal(result.stderr, '')
      await play.nothingLeft()
    })

  test('its nodes end with it when it is killed', async (t) => {
    const play = new Play(t)
    const session = play.start(t, [])
    await session.until(/the network is deployed/)
    assert.equal(play.pids.length, 3)
    session.child.kill('SIGKILL')
    await session.ended()
    await play.nodesGone()
  })
})

describe('the plain count of the demo', () => {
  test(
    'counts Shakespeare as the tools of Unix do, to the last word',
    { skip: existsSync(shakespeare) ? false : 'the text is not on this machine' },
    async () => {
      const pipeline = `LC_ALL=C tr -cs 'A-Za-z' '\\n' < "$0" | tr A-Z a-z | grep -v '^$' | sort | uniq -c`
      const unix = await runOrThrow('sh', ['-c', pipeline, shakespeare], { timeoutMs: 120_000 })
      const expected = new Map(
        unix.stdout
          .trim()
          .split('\n')
          .map((line) => line.trim().split(' '))
          .map(([count = '', word = '']) => [word, Number(count)]),
      )
      assert.equal(expected.get('the'), 6287)
      assert.deepEqual(differences(countWords([shakespeare]), expected), [])
    },
  )
})
