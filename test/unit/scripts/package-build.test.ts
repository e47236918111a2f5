import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type BundleGraph, bundleGraph } from '../../../scripts/lib/package-build.ts'

/**
 * What is loaded before the first message of `vertigo run`, in each process and thread (ADR 0012). Time is measured in
 * `bench/startup.ts`; here is said what must not come back.
 */

let graph: BundleGraph

before(async () => {
  graph = await bundleGraph()
})

/** Everything that these modules load at once: files of the repository, packages, and modules of Node. */
function loadedBy(...modules: readonly string[]): readonly string[] {
  const loaded = new Set<string>()
  const bundles = new Set<string>()
  const visit = (bundle: string): void => {
    if (bundles.has(bundle)) return
    bundles.add(bundle)
    const { inputs, imports } = graph.outputs[bundle]!
    for (const input of Object.keys(inputs)) {
      loaded.add(input)
      for (const builtIn of graph.builtIns.get(input) ?? []) loaded.add(builtIn)
    }
    for (const { path, kind, external } of imports) {
      if (kind === 'dynamic-import') continue
      if (external === true) loaded.add(path)
      else visit(path)
    }
  }
  for (const module of modules) visit(bundleOf(module))
  return [...loaded]
}

/** The bundle that is loaded when the module is: those of dynamic imports have it as their entry too. */
function bundleOf(module: string): string {
  const found = Object.entries(graph.outputs).find(([, { entryPoint }]) => entryPoint === module)
  assert.ok(found, `no bundle begins with ${module}`)
  return found[0]
}

/** Modules of the path, by what loads them: all are needed, however small the network. */
const command = [
  'src/cli/main.ts',
  'src/cli/command-line.ts',
  'src/cli/output.ts',
  'src/cli/commands/run.ts',
  'src/cli/run/engine-process.ts',
  'src/cli/run/supervisor.ts',
  'src/cli/run/json-view.ts',
  'src/cli/run/plain-view.ts',
]
const kinds = ['src/cli/run/built-in-kinds.ts', 'src/connectors/generate/generator.ts']
const engine = [
  'src/cli/run/engine-child.ts',
  'src/cli/run/engine-main.ts',
  'src/run/run.ts',
  'src/stores.ts',
  'src/cli/run/built-in-kinds.ts',
  'src/connectors/code/bridge.ts',
]
const thread = ['src/run/thread-entry.ts', 'src/run/thread-main.ts', ...kinds]

/** Of the store: what is loaded by the first use of `context.shared` or `--store`. */
const store =
  /^src\/store\/(?!url\.ts|recipes\/key-text\.ts)|^(lmdb|@grpc|fbp)|^node:(crypto|net|tls|http2?|zlib)$/
const yaml = /^node_modules\/yaml\//
const networks = /^src\/(model\/(parse|document|schema|shape|validate|flatten)|component\/builder)\.ts$/

const bounds: readonly {
  readonly what: string
  readonly modules: readonly string[]
  readonly without: readonly RegExp[]
}[] = [
  {
    what: 'the command',
    modules: command,
    without: [store, yaml, networks, /^src\/(run\/run|worker|wire)\b/],
  },
  { what: "the engine's process", modules: engine, without: [store, /^src\/worker\/loading\/explain/] },
  {
    what: 'a worker thread',
    modules: thread,
    without: [store, yaml, networks, /^src\/worker\/loading\/explain/, /^src\/run\/run\.ts/],
  },
  // Every component of a user's imports it.
  {
    what: 'vertigo-flow',
    modules: ['src/index.ts'],
    without: [store, yaml, /^src\/(run|worker|messaging)\//],
  },
]

for (const { what, modules, without } of bounds) {
  test(`${what} loads nothing that its first message does not need`, () => {
    const loaded = loadedBy(...modules)
    for (const pattern of without) {
      assert.deepEqual(
        loaded.filter((module) => pattern.test(module)),
        [],
        `${what} loads, against ${String(pattern)}`,
      )
    }
  })
}

test('what the checks look for is there to be found', () => {
  const all = loadedBy(...Object.values(graph.outputs).flatMap(({ entryPoint }) => entryPoint ?? []))
  for (const pattern of [store, yaml, networks, /^src\/worker\/loading\/explain/, /^src\/run\/run\.ts/])
    assert.ok(
      all.some((module) => pattern.test(module)),
      String(pattern),
    )
})
