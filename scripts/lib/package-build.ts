/**
 * Builds the package into a folder: bundles with source maps (the sources in them, since `src` is not part of the package),
 * declarations, and what is not TypeScript.
 *
 * The modules are bundled, with the small libraries they use, because a command has to be ready before its user notices:
 * Node takes about 0.3 ms for each of some two hundred files, in the command, in the engine's process and in each
 * worker thread. `docs/adr/0012-the-package-is-bundled.md` has the figures.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild'
import { rewriteBuiltInImports } from './built-in-imports.ts'
import { bundledPackages } from './bundled.ts'
import { inRoot, root } from './paths.ts'
import { runOrThrow } from './process.ts'

/** What is loaded by its address: the exports of package.json, the command, and the main modules of processes and threads. */
const entries = [
  'index.ts',
  'operators/index.ts',
  'connectors/index.ts',
  'connectors/postgres/index.ts',
  'connectors/kafka/index.ts',
  'connectors/nats/index.ts',
  'testkit/index.ts',
  'built-in-kinds.ts',
  'stores.ts',
  'coordination.ts',
  'cluster.ts',
  'cluster/node/data-links.ts',
  'cli/main.ts',
  'cli/load-thread.ts',
  'cli/run/built-in-kinds.ts',
  'cli/run/engine-child.ts',
  'run/thread-entry.ts',
  'run/merge-thread.ts',
]

/** Packages that stay as they are: with native parts, or seldom needed and large. */
const external = [
  '@aws-sdk/client-s3',
  '@nats-io/jetstream',
  '@nats-io/transport-node',
  '@platformatic/kafka',
  'lmdb',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'esbuild',
  'fastify',
  'fbp',
  'node-forge',
  'pg',
]

/** Folders that go into the package as they are. */
const asTheyAre = ['cli/templates']

/** `target` is a folder named `dist`: modules find their own place by that name. */
export async function buildPackage(target: string): Promise<void> {
  const [metafile] = await Promise.all([bundle(target), declare(target)])
  copyRest(target)
  writeFileSync(join(target, 'THIRD-PARTY-LICENSES.txt'), licences(metafile))
  chmodSync(join(target, 'cli/main.js'), 0o755)
}

function copyRest(target: string): void {
  for (const folder of asTheyAre) {
    const from = inRoot('src', folder)
    if (existsSync(from)) cpSync(from, join(target, folder), { recursive: true })
  }
}

/** Paths from the root. */
function restFiles(): string[] {
  const all = asTheyAre.flatMap((folder) =>
    readdirSync(inRoot('src', folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join('src', folder, name),
    ),
  )
  return all.filter((path) => statSync(inRoot(path)).isFile()).toSorted()
}

export interface Bundles {
  /** What tells them from others. */
  readonly hash: string
  /** Into a folder named `dist`, with what is not TypeScript, but without declarations. */
  write(target: string): void
}

/** The bundles in memory, and beside those of the package one for each of `programs`: name and path from the root. */
export async function bundlesWith(programs: Readonly<Record<string, string>>): Promise<Bundles> {
  const outdir = inRoot('dist')
  const options = bundleOptions(outdir, new Map())
  const entryPoints = [
    ...entries.map((entry) => ({ in: inRoot('src', entry), out: entry.replace(/\.ts$/, '') })),
    ...Object.entries(programs).map(([name, path]) => ({ in: inRoot(path), out: `programs/${name}` })),
  ]
  const { outputFiles } = await build({ ...options, entryPoints, write: false })
  const files = outputFiles.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const hash = createHash('sha256')
  for (const { path, contents } of files) hash.update(relative(outdir, path)).update(contents)
  for (const path of restFiles()) hash.update(path).update(readFileSync(inRoot(path)))
  return {
    hash: hash.digest('hex').slice(0, 16),
    write(target) {
      for (const { path, contents } of files) {
        const file = join(target, relative(outdir, path))
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file, contents)
      }
      copyRest(target)
    },
  }
}

async function declare(target: string): Promise<void> {
  await runOrThrow('tsc', ['-p', 'tsconfig.build.json', '--outDir', target])
}

async function bundle(target: string): Promise<Metafile> {
  const { metafile } = await build(bundleOptions(target, new Map()))
  return metafile
}

export interface BundleGraph {
  /** Paths are relative to the root; those of bundles begin with `dist/`. */
  readonly outputs: Metafile['outputs']
  /** Modules of Node that a file of the sources needs at once, which is no import in the bundle. */
  readonly builtIns: ReadonlyMap<string, readonly string[]>
}

/** What the bundles hold and load, without writing them. */
export async function bundleGraph(): Promise<BundleGraph> {
  const builtIns = new Map<string, readonly string[]>()
  const { metafile } = await build({ ...bundleOptions(inRoot('dist'), builtIns), write: false })
  return { outputs: metafile.outputs, builtIns }
}

function bundleOptions(target: string, builtIns: Map<string, readonly string[]>) {
  const source = inRoot('src')
  return {
    absWorkingDir: root,
    entryPoints: entries.map((entry) => join(source, entry)),
    outbase: source,
    outdir: target,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    sourcemap: true,
    external,
    // Without the look for its optional native part, which takes longer than it saves, and without streams.
    alias: { msgpackr: inRoot('node_modules/msgpackr/index.js') },
    plugins: [ownPlaces(source, builtIns)],
    define: {
      'import.meta.url': 'moduleUrl',
      'import.meta.filename': 'moduleFile',
      'import.meta.dirname': 'moduleFolder',
    },
    // Bundled libraries of the older kind call `require` for Node's modules; most bundles hold none of them.
    banner: {
      js: `const outputUrl = import.meta.url;
const require = (id) => process.getBuiltinModule('node:module').createRequire(outputUrl)(id);`,
    },
    metafile: true,
    logLevel: 'warning',
  } as const satisfies BuildOptions
}

/**
 * A module's place, as if it had not been bundled: `import.meta.url` of `src/run/worker-thread.ts` is that of
 * `dist/run/worker-thread.js`, wherever its code went.
 */
function ownPlaces(source: string, loadsBuiltIns: Map<string, readonly string[]>): Plugin {
  return {
    name: 'own places',
    setup(esbuild) {
      esbuild.onLoad({ filter: /\.m?js$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8')
        // A library's place is that of the bundle.
        return text.includes('import.meta.url')
          ? { contents: `const moduleUrl = outputUrl;${text}` }
          : undefined
      })
      esbuild.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const { text, builtIns } = rewriteBuiltInImports(readFileSync(path, 'utf8'))
        loadsBuiltIns.set(relative(root, path).replaceAll('\\', '/'), builtIns)
        const module = relative(source, path).replaceAll('\\', '/').replace(/\.ts$/, '.js')
        // In the one line that is there: lines of errors stay what they are.
        const own = [
          `const moduleUrl = outputUrl.slice(0, outputUrl.lastIndexOf('/dist/') + 6) + '${module}'`,
          `const moduleFile = process.getBuiltinModule('node:url').fileURLToPath(moduleUrl)`,
          `const moduleFolder = process.getBuiltinModule('node:path').dirname(moduleFile)`,
        ]
        const needed = /\bimport\.meta\.(filename|dirname)\b/.test(text) ? own : own.slice(0, 1)
        const contents = /\bimport\.meta\b/.test(text) ? `${needed.join(';')};${text}` : text
        return { contents, loader: 'ts', resolveDir: dirname(path) }
      })
    },
  }
}

/** The licences of what was bundled, which have to go with it. */
function licences(metafile: Metafile): string {
  const folders = new Set<string>()
  for (const input of Object.keys(metafile.inputs)) {
    const [, folder] = /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input) ?? []
    if (folder !== undefined) folders.add(folder)
  }
  const missing = bundledPackages.filter((name) => !folders.has(`node_modules/${name}`))
  if (missing.length > 0)
    throw new Error(`not in the bundles, though users do not install it: ${missing.join(', ')}`)
  const texts = [...folders].toSorted().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(inRoot(folder, 'package.json'), 'utf8')) as {
      readonly name: string
      readonly version: string
      readonly license: string
    }
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].find((one) =>
      existsSync(inRoot(folder, one)),
    )
    if (file === undefined) throw new Error(`${name} is bundled, but its folder holds no licence`)
    return `${name} ${version} (${license})\n\n${readFileSync(inRoot(folder, file), 'utf8').trim()}\n`
  })
  return `The bundles of this package hold code of these libraries.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`
}
