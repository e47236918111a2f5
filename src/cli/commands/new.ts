import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { isThere } from '../../base/is-there.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { Command } from '../command.ts'
import { manifest } from '../version.ts'

export const newCommand: Command = {
  spec: {
    name: 'new',
    arguments: ['<folder>'],
    about: [
      'Makes a project in a folder that is empty or does not exist: a network, a component in TypeScript, its test, and what npm, the compiler and an editor need.',
    ],
    options: { yes: { about: 'Ask nothing. For scripts: nothing is asked yet.' } },
    examples: [['vertigo new word-count', 'Then: cd word-count, npm install, npm start.']],
  },
  run,
}

/** Files of the template, and what they are called in the project: npm would not pack some by their own names. */
const files = {
  'network.yaml': 'network.yaml',
  'count-words.ts': 'count-words.ts',
  'count-words.test.ts': 'count-words.test.ts',
  'input.txt': 'input.txt',
  'package.json.txt': 'package.json',
  'tsconfig.json.txt': 'tsconfig.json',
  'vscode-settings.json.txt': '.vscode/settings.json',
  'gitignore.txt': '.gitignore',
  'README.md': 'README.md',
}

const templates = new URL('../templates/project/', import.meta.url)

/** What may be in a folder for a new project. */
const harmless = new Set(['.git', '.DS_Store'])

async function run(given: Arguments): Promise<number> {
  const shown = given.positionals[0]!
  if (shown.trim() === '')
    throw usage('The name of the folder is empty.', 'Write `vertigo new word-count`, or `vertigo new .`.')
  const folder = resolve(shown)
  await refuseUsed(folder, shown)
  const texts = await projectTexts(folder)
  await writeAll(folder, shown, texts)
  const enter =
    folder === process.cwd() ? '' : `  cd ${/^[\w./~-]+$/.test(shown) ? shown : JSON.stringify(shown)}\n`
  process.stdout.write(
    `A project was made in ${shown}:\n${[...texts.keys()].map((name) => `  ${name}\n`).join('')}\n` +
      `Next:\n${enter}  npm install\n  npm start     # runs the network\n  npm test      # tests the component\n`,
  )
  return 0
}

async function refuseUsed(folder: string, shown: string): Promise<void> {
  let found: string[]
  try {
    found = await readdir(folder)
  } catch (cause) {
    const { code } = cause as { readonly code?: string }
    if (code === 'ENOENT') return
    if (code === 'ENOTDIR')
      throw new VertigoError('FOLDER_NOT_EMPTY', `${shown} is a file, or leads through one.`, {
        cause,
        place: { file: shown },
      })
    throw notWritable(shown, cause)
  }
  const other = found.find((name) => !harmless.has(name))
  if (other !== undefined)
    throw new VertigoError('FOLDER_NOT_EMPTY', `${shown} is not empty: it holds ${other}.`, {
      place: { file: shown },
    })
}

async function projectTexts(folder: string): Promise<Map<string, string>> {
  const { version, dependencies, devDependencies } = manifest()
  const values: Readonly<Record<string, string | undefined>> = {
    NAME: packageName(basename(folder)),
    VERSION: version,
    VALIBOT: dependencies['valibot'],
    NODE_TYPES: devDependencies['@types/node'],
    TYPESCRIPT: devDependencies['typescript'],
  }
  const texts = await Promise.all(
    Object.entries(files).map(async ([from, to]) => {
      const text = await readFile(new URL(from, templates), 'utf8')
      const filled = text.replaceAll(
        /__([A-Z_]+)__/g,
        (mark, name: string) => values[name]?.replace(/^[\^~]/, '') ?? mark,
      )
      return [to, filled] as const
    }),
  )
  return new Map(texts)
}

/** All or nothing: after a failure, what was written is removed. */
async function writeAll(folder: string, shown: string, texts: ReadonlyMap<string, string>): Promise<void> {
  let made: string | undefined
  const written: string[] = []
  try {
    made = await makeFolders(folder)
    for (const [name, text] of texts) {
      const path = join(folder, name)
      const inside = await makeFolders(dirname(path))
      written.push(inside ?? path)
      // Not over anything that came in between.
      await writeFile(path, text, { flag: 'wx' })
    }
  } catch (error) {
    for (const path of made === undefined ? written : [made]) await rm(path, { recursive: true, force: true })
    throw notWritable(shown, error)
  }
}

/**
 * Makes a folder with those above it; gives the first that was made. Node's own way tries without end where a folder is
 * there, but takes none (/proc).
 */
async function makeFolders(folder: string): Promise<string | undefined> {
  const missing: string[] = []
  for (let at = folder; !(await isThere(at)); at = dirname(at)) missing.unshift(at)
  const [first, ...others] = missing
  if (first === undefined) return undefined
  await mkdir(first)
  try {
    for (const each of others) await mkdir(each)
  } catch (error) {
    await rm(first, { recursive: true, force: true })
    throw error
  }
  return first
}

function notWritable(shown: string, cause: unknown): VertigoError {
  return new VertigoError(
    'FILE_NOT_WRITABLE',
    `The project cannot be made in ${shown}: ${asError(cause).message}`,
    {
      cause,
      place: { file: shown },
    },
  )
}

/** A name that npm accepts. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return name === '' ? 'my-network' : name.slice(0, 100)
}
