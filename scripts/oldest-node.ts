/**
 * Prepares the package as a user of the oldest supported Node has it: packed, installed into a project of its own, with
 * that Node. All of it in `.cache/`; the Node is kept between runs. Run alone, it prints where things are.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { inCache, inRoot, root } from './lib/paths.ts'
import { run, type RunOptions, runOrThrow, type RunResult } from './lib/process.ts'

/** The lowest version that `engines` in package.json allows; a test keeps both equal. */
export const oldestNodeVersion = '22.18.0'

export interface OldestNode {
  /** Path of the old Node. */
  readonly node: string
  /** A project with the packed package installed. */
  readonly project: string
  /** The command as the package's `bin` gives it; undefined while the package has none. */
  readonly command: string | undefined
  /** Runs a program with the old Node; the command `vertigo` and the old `node` come first on its PATH. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>
}

export async function prepareOldestNode(): Promise<OldestNode> {
  const node = await installNode()
  const project = await installPackage()
  const command = join(project, 'node_modules/.bin/vertigo')
  const path = [dirname(node), join(project, 'node_modules/.bin'), process.env['PATH'] ?? '']
  return {
    node,
    project,
    command: existsSync(command) ? command : undefined,
    run: (args, options) =>
      run(node, args, { cwd: project, ...options, env: { PATH: path.join(delimiter), ...options?.env } }),
  }
}

/** Copies a folder of the repository into the project, where `vertigo-flow` is the installed package. */
export function copyIntoProject({ project }: OldestNode, folder: string): string {
  const target = join(project, folder)
  cpSync(inRoot(folder), target, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  })
  return target
}

async function installNode(): Promise<string> {
  const home = inCache('oldest-node', oldestNodeVersion)
  const node = join(home, 'node_modules/node/bin/node')
  if (!existsSync(node)) {
    makeProject(home, { allowScripts: { node: true } })
    await npm(home, 'install', `node@${oldestNodeVersion}`)
  }
  const { stdout } = await runOrThrow(node, ['--version'])
  if (stdout.trim() !== `v${oldestNodeVersion}`) throw new Error(`${node} is ${stdout.trim()}`)
  return node
}

/** Packs as publishing does, which builds first. */
async function installPackage(): Promise<string> {
  const packed = inCache('oldest-node', 'packed')
  rmSync(packed, { recursive: true, force: true })
  mkdirSync(packed, { recursive: true })
  await npm(root, 'pack', '--pack-destination', packed)
  const [tarball] = globSync('*.tgz', { cwd: packed })
  if (tarball === undefined) throw new Error('npm pack made no file')

  const project = inCache('oldest-node', 'project')
  rmSync(project, { recursive: true, force: true })
  const { dependencies, overrides } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')) as {
    dependencies: Record<string, string>
    overrides?: Record<string, string>
  }
  // What the repository overrides for itself has to hold for the versions that its tests mean.
  makeProject(project, { overrides, allowScripts: { 'msgpackr-extract': false } })
  await npm(project, 'install', join(packed, tarball))
  for (const name of Object.keys(dependencies))
    if (!existsSync(join(project, 'node_modules', name))) throw new Error(`${name} was not installed`)
  return project
}

function makeProject(folder: string, more: Record<string, unknown>): void {
  mkdirSync(folder, { recursive: true })
  const manifest = { name: 'project', private: true, type: 'module', ...more }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, undefined, 2))
}

async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
  await runOrThrow('npm', [...args, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    timeoutMs: 300_000,
  })
}

if (import.meta.main) console.log(await prepareOldestNode())
