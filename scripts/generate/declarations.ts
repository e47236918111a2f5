/** Reads declaration files (`.d.ts`) as far as a reference page needs: what is exported, its text, its comment. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Comment, parseSync } from 'oxc-parser'
import { isNode, type Node } from '../imports/syntax.ts'

export interface Declaration {
  readonly name: string
  /** The declaration without `export declare`; overloads one below the other. */
  readonly signature: string
  /** Text of the doc comment, without its stars; empty where there is none. */
  readonly comment: string
}

/** What a declaration file exports, others' exports that it passes on included, in the order of the file. */
export function exportsOf(file: string): Declaration[] {
  return namesOf(file, new Set()).flatMap(({ name, from, original }) => {
    const found = declarationsIn(from).get(original)
    return found === undefined ? [] : [{ ...found, name }]
  })
}

interface ExportedName {
  readonly name: string
  /** The file that declares it, and the name it has there. */
  readonly from: string
  readonly original: string
}

function namesOf(file: string, seen: Set<string>): ExportedName[] {
  if (seen.has(file)) return []
  seen.add(file)
  const names: ExportedName[] = []
  for (const statement of read(file).statements) {
    const source = targetOf(file, statement['source'])
    if (statement.type === 'ExportAllDeclaration' && source !== undefined) {
      names.push(...namesOf(source, seen))
    } else if (statement.type === 'ExportNamedDeclaration') {
      if (isNode(statement['declaration'])) {
        for (const name of declaredNames(statement['declaration']))
          names.push({ name, from: file, original: name })
      } else {
        for (const specifier of statement['specifiers'] as Node[])
          names.push(passedOn(file, specifier, source))
      }
    }
  }
  // Overloads are one name.
  return names.filter(({ name }, index) => names.findIndex((other) => other.name === name) === index)
}

/** `export { original as name } from source`, or of something imported or declared in the file itself. */
function passedOn(file: string, specifier: Node, source: string | undefined): ExportedName {
  const name = nameOf(specifier['exported'])
  const original = nameOf(specifier['local'])
  if (source !== undefined) return { ...origin(source, original), name }
  return { ...origin(file, original), name }
}

/** Follows a name through the files that only pass it on. */
function origin(file: string, name: string): { from: string; original: string } {
  const { statements } = read(file)
  for (const statement of statements) {
    const source = targetOf(file, statement['source'])
    if (source === undefined) continue
    if (statement.type === 'ExportAllDeclaration') {
      const found = origin(source, name)
      if (declarationsIn(found.from).has(found.original)) return found
    }
    for (const specifier of (statement['specifiers'] ?? []) as Node[]) {
      if (statement.type === 'ImportDeclaration' && nameOf(specifier['local']) === name)
        return origin(source, nameOf(specifier['imported']))
      if (statement.type === 'ExportNamedDeclaration' && nameOf(specifier['exported']) === name)
        return origin(source, nameOf(specifier['local']))
    }
  }
  return { from: file, original: name }
}

function declarationsIn(file: string): Map<string, Declaration> {
  const { text, statements, comments } = read(file)
  const declarations = new Map<string, Declaration>()
  for (const statement of statements) {
    const inner = isNode(statement['declaration']) ? statement['declaration'] : statement
    for (const name of declaredNames(inner)) {
      const signature = publicText(inner, text)
      const before = declarations.get(name)
      const comment = before?.comment || commentBefore(statement, text, comments)
      declarations.set(name, {
        name,
        comment,
        signature: before === undefined ? signature : `${before.signature}\n${signature}`,
      })
    }
  }
  return declarations
}

/** The declaration without `declare`, and classes without what is private in them. */
function publicText(node: Node, text: string): string {
  const body = node['body']
  let result = ''
  let at = node.start
  if (node.type === 'ClassDeclaration' && isNode(body)) {
    for (const member of body['body'] as Node[]) {
      const key = member['key']
      const hidden =
        member['accessibility'] === 'private' || (isNode(key) && key.type === 'PrivateIdentifier')
      if (!hidden) continue
      // With its indentation and line end.
      const lineStart = text.lastIndexOf('\n', member.start) + 1
      result += text.slice(at, lineStart)
      at = text.indexOf('\n', member.end) + 1
    }
  }
  result += text.slice(at, node.end)
  return result.replace(/^declare /, '').trimEnd()
}

function declaredNames(node: Node): string[] {
  switch (node.type) {
    case 'VariableDeclaration':
      return (node['declarations'] as Node[]).map((declarator) => nameOf(declarator['id']))
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
    case 'ClassDeclaration':
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
    case 'TSEnumDeclaration':
      return [nameOf(node['id'])]
    default:
      return []
  }
}

function nameOf(node: unknown): string {
  return isNode(node) ? String(node['name'] ?? node['value']) : ''
}

function commentBefore(statement: Node, text: string, comments: readonly Comment[]): string {
  const comment = comments.findLast(
    ({ type, start, end, value }) =>
      type === 'Block' &&
      value.startsWith('*') &&
      start < statement.start &&
      text.slice(end, statement.start).trim() === '',
  )
  if (comment === undefined) return ''
  return comment.value
    .slice(1)
    .replaceAll(/^[ \t]*\* ?/gm, '')
    .trim()
}

interface Parsed {
  readonly text: string
  readonly statements: readonly Node[]
  readonly comments: readonly Comment[]
}

const parsed = new Map<string, Parsed>()

function read(file: string): Parsed {
  const known = parsed.get(file)
  if (known !== undefined) return known
  const text = readFileSync(file, 'utf8')
  const { program, comments } = parseSync(file, text)
  const result = { text, statements: program.body as unknown as Node[], comments }
  parsed.set(file, result)
  return result
}

/** The declaration file that a relative import means; undefined for packages. */
function targetOf(file: string, source: unknown): string | undefined {
  const specifier = isNode(source) ? String(source['value']) : ''
  if (!specifier.startsWith('.')) return undefined
  return join(dirname(file), specifier.replace(/\.(js|ts)$/, '.d.ts'))
}
