import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { type Comment, parseSync } from 'oxc-parser'
import { children, isNode, type Node } from './syntax.ts'

/** A file of the repository, parsed. */
export interface SourceFile {
  /** From the folder of the repository, with `/`. */
  readonly path: string
  readonly text: string
  readonly program: Node
  readonly comments: readonly Comment[]
  readonly imports: readonly Import[]
}

/** Anything that names another module: imports and exports, of values and of types, static and dynamic. */
export interface Import {
  readonly specifier: string
  readonly line: number
  /** Names that are imported, where they are named. */
  readonly names: readonly string[]
}

/** Folders whose files are looked at. Fixtures are faulty on purpose. */
const patterns = ['src', 'scripts', 'test', 'examples', 'bench'].map(
  (folder) => `${folder}/**/*.{ts,mts,js,mjs}`,
)
const ignored = ['**/node_modules/**', '**/dist/**', 'test/fixtures/**', 'src/cli/templates/**']

/** Reads and parses all files below `folder`; a file that cannot be parsed is an error with its place. */
export function readSourceFiles(folder: string): SourceFile[] {
  return globSync(patterns, { cwd: folder, ignore: ignored })
    .toSorted()
    .map((path) => parse(path, readFileSync(`${folder}/${path}`, 'utf8')))
}

export function parse(path: string, text: string): SourceFile {
  const { program, errors, comments } = parseSync(path, text)
  const tree = program as unknown as Node
  const first = errors[0]
  if (first !== undefined) throw new Error(`${path}: ${first.codeframe ?? first.message}`)
  const imports: Import[] = []
  collectImports(tree, text, imports)
  return { path, text, program: tree, comments, imports }
}

/** 1-based. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

function collectImports(node: Node, text: string, found: Import[]): void {
  if (isModuleReference(node)) {
    const specifier = stringOf(node['source'])
    if (specifier !== undefined)
      found.push({ specifier, line: lineAt(text, node.start), names: namesOf(node) })
  }
  for (const child of children(node)) collectImports(child, text, found)
}

function isModuleReference(node: Node): boolean {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return true
    default:
      return false
  }
}

function stringOf(value: unknown): string | undefined {
  if (!isNode(value) || value.type !== 'Literal') return undefined
  return typeof value['value'] === 'string' ? value['value'] : undefined
}

function namesOf(node: Node): string[] {
  const specifiers = node['specifiers']
  if (!Array.isArray(specifiers)) return []
  return specifiers
    .map((specifier: Node) => specifier['imported'])
    .filter(isNode)
    .map((imported) => imported['name'])
    .filter((name) => typeof name === 'string')
}
