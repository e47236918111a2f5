import { systemClock } from '../../../base/clock.ts'
import type { Arguments } from '../../arguments.ts'
import type { Command } from '../../command.ts'
import { LocalCluster } from '../../node/local-cluster.ts'
import { hostAndPort } from '../../node/host-port.ts'
import { onStopSignals } from '../../node/stop-signals.ts'
import { whenOutputCloses } from '../../output.ts'

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
      json: { about: 'Print events as JSON; those of nodes have a field `node`.' },
    },
    examples: [
      ['vertigo cluster start', 'Three nodes.'],
      ['vertigo cluster start --nodes 5 --store ./cluster', 'Five, which find their networks again later.'],
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
  const cluster = new LocalCluster(
    {
      nodes,
      folder: given.text('store'),
      name: given.text('cluster'),
      workers: given.wholeNumber('workers', 0) ?? 2,
      api,
      ttlMs: given.wholeNumber('ttl-ms', 1),
      asJson: given.flag('json'),
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
