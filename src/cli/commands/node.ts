import { systemClock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { hideNodeFlags } from '../../base/node-flags.ts'
import { systemRandom } from '../../base/random.ts'
import { logLevels } from '../../cluster/client/instance-log.ts'
import type { NodeEvent } from '../../cluster/node/node-event.ts'
import type { RunningNode } from '../../cluster/node/start-node.ts'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { lostText, NodeLog } from '../node/node-log.ts'
import { nodeOptions, nodeOptionSpecs } from '../node/node-options.ts'
import { NodeOutput, ParentLine, unblock } from '../node/node-output.ts'
import { onStopSignals } from '../node/stop-signals.ts'
import { whenOutputCloses } from '../output.ts'

const drainMsDefault = 30_000
/** How long a node that is to stop at once may take; then the process ends, whatever threads do. */
const stopMsMax = 5_000

export const nodeCommand: Command = {
  spec: {
    name: 'node',
    arguments: [],
    about: [
      'Starts a node of a cluster: it joins, may be elected to be the manager, and hosts parts of the networks that are deployed to the cluster. Needs nothing but a store; the first node makes the cluster.',
      'SIGTERM (or Ctrl-C) drains it: its instances move to other nodes, then it leaves, with exit code 0, also where some have not moved within --drain-ms; where no other node is there, it does not wait. A second one stops it at once, with exit code 130, as does the first before it has joined. Where it loses its lease it ends all its workers, and joins again; where its cluster is not in the store any more, it gives up and ends, as it does where the folder of an embedded store was removed or replaced.',
      'Everything listens on 127.0.0.1 unless told otherwise. For other machines, give it --listen with an address of this one, and certificates, or say --insecure.',
      'What happens is told on standard output, one event a line. With --json each is an object with `time`, `node` and `type`: joined, elected, deposed, decided, declared-dead, fenced, failed, rejected, log, draining, drained, gave-up, troubled, api-elsewhere, left-out.',
      'Whoever reads that does not hold the node up: where some 1 MiB waits for the reader, lines are left out, and `left-out` says how many.',
    ],
    options: {
      ...nodeOptionSpecs,
      'drain-ms': {
        value: '<n>',
        about: 'How long its instances may take to move away when it leaves, in milliseconds. Default 30000.',
      },
      'with-parent': {
        about:
          'For programs that start nodes with an IPC channel: tells its events over that, and stops at once when the channel closes, as it does when the parent dies.',
      },
      'log-level': {
        value: '<level>',
        about: `What it prints: this level and those above, of ${logLevels.join(', ')}. What components log has a level of its own, failures are \`error\`, decisions \`info\`. \`vertigo logs\` reads what nodes keep, whatever they print. Default: everything.`,
      },
      json: { about: 'Print events as JSON.' },
    },
    examples: [
      ['vertigo node --store lmdb:./store', 'A node on this machine; start more in other terminals.'],
      [
        'vertigo node --store etcd://10.0.0.5:2379 --id a --listen 10.0.0.7:7400 --tls-ca ca.pem --tls-cert a.pem --tls-key a.key',
        'A node that others reach, with mutual TLS.',
      ],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  hideNodeFlags()
  const drainMs = given.wholeNumber('drain-ms', 0) ?? drainMsDefault
  const withParent = given.flag('with-parent')
  const level = given.oneOf('log-level', logLevels)
  const [{ startNode }, { randomId }] = await Promise.all([
    import('../../cluster.ts'),
    import('../../cluster/node/start-node.ts'),
  ])
  const id = given.text('id') ?? randomId(systemRandom)
  const options = await nodeOptions(given, id)
  const asJson = given.flag('json')
  unblock(process.stdout, process.stderr)
  const output = new NodeOutput(process.stdout, (count) => lostText(systemClock, id, count, asJson))
  const log = new NodeLog(systemClock, id, {
    asJson,
    ...(level !== undefined && { level }),
    write: (text) => output.write(text),
  })
  const parent = new ParentLine()
  const end = new NodeEnd(drainMs)
  const tell = (event: NodeEvent): void => {
    log.event(event)
    if (withParent) parent.tell(event, event.type === 'log')
  }
  const forget = onStopSignals({ first: () => end.drain(), second: () => end.stop() })
  whenOutputCloses(() => end.stop())
  if (withParent) whenParentGoes(() => end.stop())
  try {
    const starting = startNode({ ...options, signal: end.early, onEvent: tell })
    // Who is told twice to end waits for nothing: what it has begun ends with the process.
    const node = await Promise.race([starting, end.cutShort])
    if (node === undefined) throw stoppedEarly()
    end.started(node)
    return await Promise.race([end.code, node.ended.then(() => end.code)])
  } catch (error) {
    if (end.early.aborted) throw stoppedEarly()
    throw error
  } finally {
    forget()
    if (withParent && process.connected) process.disconnect?.()
  }
}

function whenParentGoes(action: () => void): void {
  process.on('disconnect', action)
  // It may have gone while this process was loading.
  if (!process.connected) action()
}

const stoppedEarly = (): VertigoError =>
  new VertigoError('STOPPED', 'The node was stopped before it had joined.')

/** How a node ends: drained, or at once. */
class NodeEnd {
  /** The exit code, when the node has left. */
  readonly code: Promise<number>
  /** Fulfilled where it is told a second time to end before it has started. */
  readonly cutShort: Promise<undefined>
  private readonly drainMs: number
  private readonly starting = new AbortController()
  private node: RunningNode | undefined
  private isStopped = false
  private cut: () => void = () => undefined
  private settle: { resolve: (code: number) => void; reject: (error: Error) => void } | undefined

  constructor(drainMs: number) {
    this.drainMs = drainMs
    this.code = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    this.cutShort = new Promise((resolve) => {
      this.cut = () => resolve(undefined)
    })
    // It is awaited once the node has started.
    this.code.catch(() => undefined)
  }

  /** Aborted where it is to end before it has started. */
  get early(): AbortSignal {
    return this.starting.signal
  }

  started(node: RunningNode): void {
    this.node = node
    // It was told to end when it had just joined.
    if (this.early.aborted) this.settleWith(node.close(), 130)
  }

  drain(): void {
    if (this.node === undefined) this.starting.abort()
    else this.settleWith(this.node.drain({ graceMs: this.drainMs }), 0)
  }

  stop(): void {
    if (this.isStopped) return
    this.isStopped = true
    systemClock.after(stopMsMax, () => process.kill(process.pid, 'SIGKILL'), { background: true })
    if (this.node === undefined) {
      this.starting.abort()
      this.cut()
    } else this.settleWith(this.node.close(), 130)
  }

  private settleWith(left: Promise<void>, code: 0 | 130): void {
    left.then(
      () => this.settle?.resolve(this.isStopped ? 130 : code),
      (error: unknown) => this.settle?.reject(error as Error),
    )
  }
}
