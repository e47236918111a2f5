import { createRequire } from 'node:module'
import type { Contestant } from './contest.ts'
import { type Count, Tally } from './word-tally.ts'

/**
 * Counting words with NoFlo: its components, its graph, its network, in this process. Loaded by `require`, since the
 * package's ES modules import without endings, which Node does not resolve. Declared here is what is used of it.
 */
interface NoFlo {
  readonly Component: new (ports: {
    readonly inPorts: object
    readonly outPorts: object
    readonly process: Process
  }) => object
  readonly internalSocket: { createSocket(): Socket }
  readonly graph: { createGraph(name: string): Graph }
  createNetwork(
    graph: Graph,
    options: { readonly componentLoader: Loader; readonly delay: boolean; readonly subscribeGraph: boolean },
  ): Promise<Network>
  readonly ComponentLoader: new (folder: string, options?: object) => Loader
}
type Process = (
  input: { hasData(port: string): boolean; getData(port: string): unknown },
  output: { send(messages: object): void; done(): void; sendDone(messages: object): void },
) => void
interface Socket {
  send(message: unknown): void
}
interface Graph {
  addNode(name: string, component: string): void
  addEdge(from: string, fromPort: string, to: string, toPort: string): void
}
interface Loader {
  listComponents(): Promise<unknown>
  registerComponent(library: string, name: string, component: () => object): void
}
interface Network {
  connect(): Promise<unknown>
  start(): Promise<unknown>
  getNode(name: string): {
    readonly component: { readonly inPorts: Record<string, { attach(socket: Socket): void }> }
  }
}

export async function nofloWordCount(lines: readonly string[]): Promise<Contestant> {
  const noflo = createRequire(import.meta.url)('noflo') as NoFlo
  const tally = new Tally(lines)
  const counts = new Map<string, number>()
  const text = { datatype: 'string' }
  const object = { datatype: 'object' }
  const loader = new noflo.ComponentLoader(import.meta.dirname)
  await loader.listComponents()
  let onResult = (_result: Count): void => undefined
  const component =
    (inPort: object, outPort: object | undefined, process: Process): (() => object) =>
    () =>
      new noflo.Component({
        inPorts: { in: inPort },
        outPorts: outPort === undefined ? {} : { out: outPort },
        process(input, output) {
          if (input.hasData('in')) process(input, output)
        },
      })
  loader.registerComponent(
    'bench',
    'Split',
    component(text, text, (input, output) => {
      for (const part of (input.getData('in') as string).split(' ')) {
        if (part !== '') output.send({ out: part.toUpperCase() })
      }
      output.done()
    }),
  )
  loader.registerComponent(
    'bench',
    'Count',
    component(text, object, (input, output) => {
      const word = input.getData('in') as string
      const count = (counts.get(word) ?? 0) + 1
      counts.set(word, count)
      output.sendDone({ out: { word, count } })
    }),
  )
  loader.registerComponent(
    'bench',
    'Sink',
    component(object, undefined, (input, output) => {
      onResult(input.getData('in') as Count)
      output.done()
    }),
  )
  const graph = noflo.graph.createGraph('word-count')
  graph.addNode('Split', 'bench/Split')
  graph.addNode('Count', 'bench/Count')
  graph.addNode('Sink', 'bench/Sink')
  graph.addEdge('Split', 'out', 'Count', 'in')
  graph.addEdge('Count', 'out', 'Sink', 'in')
  const net = await noflo.createNetwork(graph, {
    componentLoader: loader,
    delay: true,
    subscribeGraph: false,
  })
  await net.connect()
  await net.start()
  const socket = noflo.internalSocket.createSocket()
  net.getNode('Split').component.inPorts['in']!.attach(socket)
  return {
    name: 'NoFlo',
    async round() {
      await new Promise<void>((resolve) => {
        let left = tally.words
        onResult = (result) => {
          tally.see(result)
          if (--left === 0) resolve()
        }
        for (const line of lines) socket.send(line)
      })
      return tally.finishRound('NoFlo')
    },
  }
}
