import { existsSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { build as Build, BuildFailure, BuildOptions, Message, Metafile, Plugin } from 'esbuild'
import { VertigoError } from '../../base/errors.ts'
import { type Bundle, makeBundle } from './bundle.ts'

/** The package whose copy is always the node's own: the engine and what it runs have to agree. */
export const ownPackage = 'vertigo-flow'

export interface BuildMeans {
  /** Packages that stay out, since nodes have them. */
  readonly external: readonly string[]
}

/**
 * Bundles the module at a file's URL with all it imports. Enums, decorators, JSX and paths of tsconfig.json are what esbuild
 * makes of them. The same code gives the same bundle, wherever its folder is.
 *
 * Errors: BUNDLE_FAILED, BUNDLE_NATIVE, BUNDLE_TOO_LARGE.
 */
export async function buildBundle(url: string, { external }: BuildMeans): Promise<Bundle> {
  const file = fileURLToPath(url)
  const { build } = await bundler()
  const root = projectOf(file)
  let result
  try {
    result = await build(optionsFor(file, root, external))
  } catch (error) {
    throw explained(error, root, file)
  }
  refuseNative(result.metafile, file)
  const files = new Map<string, Uint8Array>([
    ['package.json', new TextEncoder().encode('{ "type": "module" }\n')],
  ])
  const outputs = Object.entries(result.metafile.outputs)
  for (const { path, contents } of result.outputFiles)
    files.set(named(relative(outFolder(root), path)), contents)
  const entry = outputs.find(
    ([, { entryPoint }]) => entryPoint !== undefined && join(root, entryPoint) === file,
  )
  if (entry === undefined) throw new VertigoError('INTERNAL', `esbuild gave no output for ${file}`)
  const imported = new Set(outputs.flatMap(([, { imports }]) => imports.map(({ path }) => path)))
  const packages = external.filter((name) =>
    [...imported].some((path) => path === name || path.startsWith(`${name}/`)),
  )
  return makeBundle(named(relative(outFolder(root), join(root, entry[0]))), files, packages)
}

/** Loaded by those who bundle only: it brings a program of its own. Errors: BUNDLER_MISSING. */
async function bundler(): Promise<{ readonly build: typeof Build }> {
  try {
    return await import('esbuild')
  } catch (cause) {
    throw noBundler(cause)
  }
}

function noBundler(cause: unknown): VertigoError {
  return new VertigoError('BUNDLER_MISSING', 'esbuild, which makes bundles, cannot be loaded.', { cause })
}

/** Never written: names are relative to it. */
const outFolder = (root: string): string => join(root, 'vertigo-bundle')

/** Paths in bundles are the same on every system. */
const named = (path: string): string => path.replaceAll('\\', '/')

function optionsFor(file: string, root: string, external: readonly string[]) {
  return {
    // Names of modules stand in the output, relative to it: a project that was moved gives the same.
    absWorkingDir: root,
    entryPoints: [{ in: file, out: 'main' }],
    outdir: outFolder(root),
    chunkNames: 'chunk-[name]-[hash]',
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    // As Node resolves: no field or condition that only bundlers know.
    conditions: [],
    mainFields: ['main'],
    // Classes and functions are named in errors.
    keepNames: true,
    // What files of CommonJS expect; in a bundle it is the bundle's folder.
    define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' },
    plugins: [nodeModules, externals([ownPackage, ...external])],
    logLevel: 'silent',
  } as const satisfies BuildOptions
}

/** `require` of Node's modules, which modules in ESM format do not have. */
const nodeModules: Plugin = {
  name: 'modules of Node',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^[\w:/-]+$/ }, ({ path, kind }) =>
      kind === 'require-call' && isBuiltin(path) ? { path, namespace: 'node-module' } : undefined,
    )
    esbuild.onLoad({ filter: /.*/, namespace: 'node-module' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }))
  },
}

function externals(names: readonly string[]): Plugin {
  const isExternal = (path: string): boolean =>
    names.some((name) => path === name || path.startsWith(`${name}/`))
  return {
    name: 'packages of the node',
    setup(esbuild) {
      esbuild.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === 'entry-point' || !isExternal(path)) return undefined
        if (kind === 'require-call' || kind === 'require-resolve') return { path, namespace: 'node-package' }
        return { path, external: true }
      })
      esbuild.onLoad({ filter: /.*/, namespace: 'node-package' }, ({ path }) => ({
        contents: `module.exports = process.getBuiltinModule('node:module').createRequire(import.meta.url)(${JSON.stringify(path)})`,
      }))
    },
  }
}

/** The folder of the nearest package.json; without one, that of the file. */
function projectOf(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return dirname(file)
  }
}

/** Packages by which others find their native parts, at run time: no bundler sees them. */
const finders =
  /(?:^|\/)node_modules\/(bindings|node-gyp-build|node-gyp-build-optional-packages|@mapbox\/node-pre-gyp|@node-rs\/helper)\//

function refuseNative({ inputs }: Metafile, file: string): void {
  for (const [importer, { imports }] of Object.entries(inputs)) {
    const found = imports.find(({ path }) => finders.test(path))
    const name = packageOf(importer)
    if (found === undefined || finders.test(importer)) continue
    throw native(name ?? packageOf(found.path) ?? found.path, file)
  }
}

function native(name: string, file: string): VertigoError {
  return new VertigoError('BUNDLE_NATIVE', `The package "${name}", which ${file} uses, has native parts.`, {
    place: { file },
    remedy: `Leave it out with \`--external ${name}\`, and install it in the folder in which the nodes are started.`,
  })
}

function packageOf(path: string): string | undefined {
  const at = named(path).lastIndexOf('node_modules/')
  if (at === -1) return undefined
  const [first = '', second = ''] = named(path)
    .slice(at + 'node_modules/'.length)
    .split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}

function explained(error: unknown, root: string, file: string): VertigoError {
  const { errors } = error as Partial<BuildFailure>
  const [first] = errors ?? []
  if (first === undefined) {
    const { message = '', code = '' } = error as Partial<NodeJS.ErrnoException>
    // Its program is a package for each system, which npm may have been told to leave out.
    if (message.includes('@esbuild/') || /^(ENOENT|EACCES)$/.test(code)) return noBundler(error)
    return new VertigoError('BUNDLE_FAILED', `${file} cannot be bundled.`, { cause: error, place: { file } })
  }
  const [, unloadable] = /^No loader is configured for "\.node" files: (.*)$/.exec(first.text) ?? []
  if (unloadable !== undefined) return native(packageOf(unloadable) ?? unloadable, file)
  const faults = errors!.slice(0, 10).map((message) => fault(message, root, file))
  const [only] = faults
  if (faults.length === 1) return only!
  return new VertigoError('BUNDLE_FAILED', `${file} cannot be bundled.`, {
    cause: error,
    faults,
    place: { file },
  })
}

function fault({ text, location, notes }: Message, root: string, file: string): VertigoError {
  const said = [text, ...notes.slice(0, 3).map((note) => note.text)].join('\n')
  if (location === null)
    return new VertigoError('BUNDLE_FAILED', `${file} cannot be bundled: ${said}`, { place: { file } })
  return new VertigoError(
    'BUNDLE_FAILED',
    `${file} cannot be bundled: ${said}\n  ${location.lineText.trim()}`,
    {
      place: { file: join(root, location.file), line: location.line, column: location.column + 1 },
    },
  )
}
