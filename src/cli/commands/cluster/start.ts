import { existsSync } from 'node:fs'
import { systemClock } from '../../../base/clock.ts'
import { VertigoError } from '../../../base/errors.ts'
import { logLevels } from '../../../cluster/client/instance-log.ts'
import type { Arguments } from '../../arguments.ts'
import type { Command } from '../../command.ts'
import type { OptionSpec } from '../../command-spec.ts'
import { certificateFiles, LocalCluster, nodeId } from '../../node/local-cluster.ts'
import { nodeOptionSpecs } from '../../node/node-options.ts'
import { hostAndPort } from '../../node/host-port.ts'
import { onStopSignals } from '../../node/stop-signals.ts'
import { whenOutputCloses } from '../../output.ts'
import { nodeCommand } from '../node.ts'

/** Options of `vertigo node` that each node is given as they are. */
const passedOn = {
  tokens: nodeOptionSpecs.tokens,
  'api-cert': nodeOptionSpecs['api-cert'],
  'api-key': nodeOptionSpecs['api-key'],
  cache: nodeOptionSpecs.cache,
  snapshots: nodeOptionSpecs.snapshots,
  'drain-ms': nodeCommand.spec.options['drain-ms']!,
  'log-level': nodeCommand.spec.options['log-level']!,
} satisfies Readonly<Record<string, OptionSpec>>

const nodesDefault = 3
const nodesMax = 64

export const startCommand: Command = {
  spec: {
    name: 'cluster start',
    arguments: [],
    about: [
      'Starts nodes on this machine, each in a process of its own, with the embedded store, and stays in the foreground. What the nodes tell is printed with their names in front. When all have joined and one is the manager, a line with `ready` says where the HTTP API is.',
      'No node is started again by itself: end one with `kill -9` to see what the others do; the line about its end says how to start it anew.',
      'Ctrl-C (or SIGTERM) lets all nodes leave; a second one stops them at once. They also stop when this process dies.',
    ],
    options: {
      nodes: { value: '<n>', about: `How many. Default ${nodesDefault}.` },
      store: {
        value: '<folder>',
        about:
          'Folder of the embedded store, where the cluster and its networks are kept; made where there is none. Default: a temporary one, removed at the end.',
      },
      cluster: { value: '<name>', about: 'Name of the cluster. Default: vertigo.' },
      workers: { value: '<n>', about: 'Threads that each node is meant to host. Default 2.' },
      api: {
        value: '<host:port>',
        about:
          'Where the HTTP API of the first node listens; the other nodes have free ports. Default: 127.0.0.1:7411, and where that port is taken, any that is free.',
      },
      'ttl-ms': {
        value: '<n>',
        about: 'How long a node that is frozen is waited for, in milliseconds. Default 3000.',
      },
      certs: {
        value: '<folder>',
        about:
          'Mutual TLS between the nodes: a folder with `ca.pem`, and `node-1.pem` and `node-1.key` and so on, as `vertigo certs create <folder> --nodes node-1,node-2,node-3` makes it.',
      },
      ...passedOn,
      json: { about: 'Print events as JSON; those of nodes have a field `node`.' },
    },
    examples: [
      ['vertigo cluster start', 'Three nodes.'],
      ['vertigo cluster start --nodes 5 --store ./cluster', 'Five, which find their networks again later.'],
      [
        'vertigo cluster start --certs ./certs --tokens tokens.txt --log-level warn',
        'With TLS between the nodes and tokens for the API, and only what should not be.',
      ],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const nodes = given.wholeNumber('nodes', 1) ?? nodesDefault
  if (nodes > nodesMax) {
    const { usage } = await import('../../arguments.ts')
    throw usage(`--nodes must be ${nodesMax} or less, not ${nodes}.`)
  }
  const api = given.text('api')
  if (api !== undefined) hostAndPort(api, 'api')
  given.oneOf('log-level', logLevels)
  given.wholeNumber('drain-ms', 0)
  const certs = given.text('certs')
  if (certs !== undefined) checkCertificates(certs, nodes)
  const cluster = new LocalCluster(
    {
      nodes,
      folder: given.text('store'),
      name: given.text('cluster'),
      workers: given.wholeNumber('workers', 0) ?? 2,
      api,
      ttlMs: given.wholeNumber('ttl-ms', 1),
      asJson: given.flag('json'),
      certs,
      passed: Object.keys(passedOn).flatMap((option) => {
        const value = given.text(option)
        return value === undefined ? [] : [`--${option}`, value]
      }),
    },
    systemClock,
    (text) => process.stdout.write(text),
  )
  const forget = onStopSignals({ first: () => cluster.drain(), second: () => cluster.stop() })
  whenOutputCloses(() => cluster.stop())
  try {
    return await cluster.run()
  } finally {
    forget()
  }
}

/** Before the first node is started. Errors: FILE_UNREADABLE. */
function checkCertificates(folder: string, nodes: number): void {
  const ids = Array.from({ length: nodes }, (_, at) => nodeId(at + 1))
  const missing = (id: string): string | undefined =>
    Object.values(certificateFiles(folder, id)).find((file) => !existsSync(file))
  const without = ids.filter((id) => missing(id) !== undefined)
  if (without.length === 0) return
  throw new VertigoError('FILE_UNREADABLE', 'A file for TLS between the nodes is missing.', {
    place: { file: missing(without[0]!)! },
    remedy: `Make those that are missing: \`vertigo certs create ${folder} --nodes ${without.join(',')}\`.`,
  })
}
