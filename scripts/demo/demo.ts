import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectCluster, type NetworkStatus, type NodeEvent } from 'vertigo-flow/cluster'
import { Failure } from './failure.ts'
import { look, nameOf } from './look.ts'
import { type Node, Nodes } from './nodes.ts'
import { type Counts, countWords } from './plain-count.ts'
import { Progress } from './progress.ts'
import { Published } from './published.ts'
import { compare, showTop, sum } from './result.ts'
import { count, listed, number, type Screen } from './screen.ts'
import { prepareText, type Text } from './text.ts'

const network = join(import.meta.dirname, 'network.yaml')
const name = 'word-count'
/** How long the counting takes: the text is sent at the rate that makes it so. */
const countingSeconds = 8
/** What part of the words is published when a node is killed. */
const killAtShare = 0.4
const lookMs = 50
const finishMsMax = 90_000

/** The whole story, from an empty folder to none. */
export class Demo {
  isEnding = false
  private readonly files: readonly string[]
  private readonly vertigo: readonly string[]
  private readonly screen: Screen
  private readonly folder = mkdtempSync(join(tmpdir(), 'vertigo-demo-'))
  private readonly store = `lmdb:${join(this.folder, 'store')}`
  private readonly result = join(this.folder, 'counts.jsonl')
  private readonly published = new Published(this.result)
  private readonly startMs = performance.now()
  private nodes: Nodes | undefined
  private failure: Failure | undefined
  /** What failed that nobody asked to: a machine can be too busy for its leases. */
  private readonly mishaps: string[] = []
  private ended: Promise<void> | undefined

  constructor(files: readonly string[], vertigo: readonly string[], screen: Screen) {
    this.files = files
    this.vertigo = vertigo
    this.screen = screen
  }

  /** Gives whether everything was as promised. */
  async play(): Promise<boolean> {
    const text = prepareText(this.files, this.folder)
    const expected = countWords([text.path])
    this.introduce(text, sum(expected))
    this.say('three nodes are started')
    const crash = Promise.withResolvers<never>()
    const nodes = new Nodes({
      command: this.vertigo,
      folder: this.folder,
      store: this.store,
      tell: (node, event) => this.tell(node, event),
      lost: crash.reject,
    })
    this.nodes = nodes
    await Promise.race([this.carryOn(nodes, text, sum(expected)), crash.promise])
    return this.summarize(expected)
  }

  /** Leaves no process and no file. Idempotent. */
  end(): Promise<void> {
    this.isEnding = true
    this.ended ??= (this.nodes?.end() ?? Promise.resolve()).then(() =>
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 }),
    )
    return this.ended
  }

  private introduce({ bytes, isCut }: Text, words: number): void {
    const { files, screen } = this
    const what = files.length === 1 ? files[0]! : `${number(files.length)} files`
    const start = isCut ? 'the start of ' : ''
    const size = `${(bytes / 1e6).toFixed(1)} MB, ${count(words, 'word')}`
    screen.say(`Counting the words of ${start}${what} (${size}) on a cluster of three nodes.`)
    screen.say(
      'Each is a process on this machine; one will be killed. Their store is a folder, there is no server.\n',
    )
  }

  private async carryOn(nodes: Nodes, text: Text, words: number): Promise<void> {
    await nodes.untilReady()
    const cluster = await connectCluster({ store: this.store })
    try {
      await cluster.deploy(network, {
        by: 'demo',
        set: [
          { path: ['lines', 'config', 'path'], value: text.path },
          { path: ['pace', 'config', 'perSecond'], value: Math.max(1, text.lines) / countingSeconds },
          { path: ['result', 'config', 'path'], value: this.result },
        ],
      })
    } finally {
      await cluster.close()
    }
    this.say('the network is deployed')
    await this.untilFinished(nodes, words)
  }

  private async untilFinished(nodes: Nodes, words: number): Promise<void> {
    const progress = new Progress(words, nodes, this.screen)
    const untilMs = performance.now() + finishMsMax
    let isRunning = false
    for (;;) {
      // The first node lives to the end.
      const status = await look(nodes.all[0]!.api!, name)
      if (!isRunning && status.state === 'running') {
        isRunning = true
        for (const line of placement(nodes, status)) this.say(line)
      }
      const published = this.published.look()
      this.failure?.see(status, published)
      progress.see(status, published)
      if (status.state === 'finished') break
      if (status.state === 'failed')
        throw new Error(`The network has failed: ${status.error?.message ?? 'no reason is known'}`)
      if (
        this.failure === undefined &&
        isRunning &&
        words > 0 &&
        progress.words >= killAtShare * words &&
        progress.words < words
      )
        this.killOne(nodes, status)
      if (performance.now() > untilMs)
        throw new Error(`The network is not finished after ${finishMsMax / 1000} s: it is ${status.state}.`)
      await sleep(lookMs)
    }
    this.screen.settle()
    this.say('the network is finished')
  }

  /** One that counts: what it has counted is nowhere else. Not the manager, so that each play is the same; nor the one that is looked at. */
  private killOne(nodes: Nodes, { instances }: NetworkStatus): void {
    const counters = instances.filter(({ component }) => component === 'count')
    const counting = new Set(counters.map(({ node }) => String(node)))
    const victim = nodes.all.find((node, at) => at > 0 && !node.isManager && counting.has(node.id))
    if (victim === undefined) return
    const lost = instances.filter(({ node }) => node === victim.id).map(nameOf)
    this.say(`kill -9 ${victim.pid}: ${victim.id} is killed, with ${listed(lost)}`)
    const say = (text: string): void => this.screen.say(`          ${text}`)
    this.failure = new Failure(victim, lost, this.published.lines, say)
    nodes.kill(victim)
  }

  private tell(node: Node, event: NodeEvent): void {
    if (this.isEnding) return
    if (event.type === 'joined') this.say(`${node.id} has joined, process ${event.pid}`)
    if (event.type === 'elected') this.say(`${node.id} is elected to be the manager`)
    if (event.type === 'declared-dead' && event.dead === this.failure?.node.id) this.failure.noticed(node)
    if (event.type === 'decided') this.failure?.decided(event.text)
    if (event.type === 'fenced')
      this.mishap(
        `${node.id} could not renew its lease in time, and the others went on without it: this machine is very busy`,
      )
    if (event.type === 'failed') this.mishap(`${node.id}: ${event.text}: ${event.error.message}`)
  }

  private mishap(text: string): void {
    this.mishaps.push(text)
    this.say(text)
  }

  private say(text: string): void {
    const seconds = ((performance.now() - this.startMs) / 1000).toFixed(1)
    this.screen.say(`${seconds.padStart(6)} s  ${text}`)
  }

  private summarize(expected: Counts): boolean {
    const { failure, mishaps, screen } = this
    const { counts: counted, faults } = this.published.read()
    showTop(counted, screen)
    screen.say('\nSummary')
    for (const line of failureLines(failure)) screen.say(`  ${line}`)
    return compare({ counted, faults, expected, failure, mishaps }, screen)
  }
}

function placement(nodes: Nodes, { instances }: NetworkStatus): string[] {
  return [
    'the network runs:',
    ...nodes.all.map(({ id }) => {
      const here = instances.filter(({ node }) => node === id)
      return `  ${id}: ${here.map(nameOf).join(' ')}`
    }),
  ]
}

function failureLines(failure: Failure | undefined): string[] {
  if (failure === undefined)
    return ['a node was killed        no: the text is so short that the network was finished before']
  const { node, lost, noticedMs, snapshot, redeployedMs, publishedMs } = failure
  const after = (ms: number | undefined): string =>
    ms === undefined ? 'not seen before the end' : `after ${ms} ms`
  return [
    `killed                   ${node.id}, with ${listed(lost)}`,
    `noticed by the others    ${after(noticedMs)}`,
    `went back to             ${snapshot === undefined ? 'not seen before the end' : `snapshot ${snapshot}`}`,
    `running on another node  ${after(redeployedMs)}`,
    `publishing again         ${after(publishedMs)}`,
  ]
}
