import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  type CST,
  type YAMLMap,
} from 'yaml'
import { VertigoError } from '../base/errors.ts'
import { findJsonFault } from './json-fault.ts'
import { faultsFoundMax, nestingMax, networkBytesMax, valuesMax } from './limits.ts'
import type { Json } from './network.ts'
import { fault, type Path, pathText, type Place, type Places } from './places.ts'

/** A document of JSON values, where its parts stand, and what is wrong with it though it can be read. */
export interface JsonDocument {
  readonly value: Json
  readonly places: Places
  readonly faults: readonly VertigoError[]
}

export function tooLarge(file: string): VertigoError {
  return new VertigoError('NETWORK_SYNTAX', `${file} is larger than ${networkBytesMax} bytes.`, {
    place: { file },
    remedy: 'Give the file of a network; data belongs into files that components read.',
  })
}

/** Refuses text that cannot be a network, whatever its format: too big, empty, or not text. Gives it without byte order mark. */
export function checkText(text: string, file: string): string {
  if (text.length > networkBytesMax || Buffer.byteLength(text) > networkBytesMax) throw tooLarge(file)
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text
  const binary = content.search(/[\u0000-\u0008\u000b\u000e-\u001f\u007f]/)
  if (binary >= 0) {
    const code = content.charCodeAt(binary).toString(16).padStart(2, '0')
    throw syntaxError(`this is not text: it holds the control character 0x${code}`, file, content, binary)
  }
  if (content.trim() === '')
    throw new VertigoError('NETWORK_SYNTAX', `${file} is empty.`, {
      place: { file },
      remedy: 'Write a network into it: name, components, connections.',
    })
  return content
}

export function syntaxError(what: string, file: string, text: string, offset: number): VertigoError {
  const before = text.slice(0, offset)
  const line = before.split(/\r\n|\r|\n/).length
  const column = offset - Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r'))
  return new VertigoError('NETWORK_SYNTAX', `${file} cannot be parsed: ${what}.`, {
    place: { file, line, column },
  })
}

/** Reads JSON text. Throws `NETWORK_SYNTAX` with the position of the first fault. */
export function readJson(text: string, file: string): JsonDocument {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    const found = findJsonFault(text)
    if (found !== undefined) throw syntaxError(found.message, file, text, found.offset)
    throw new VertigoError('NETWORK_SYNTAX', `${file} cannot be parsed.`, { cause: error, place: { file } })
  }
  const { places, faults } = readYaml(text, file)
  return { value, places, faults }
}

/**
 * Reads YAML text (1.2, core schema) as JSON values: tags, dates and keys that are no strings have no meaning in a
 * network. Throws `NETWORK_SYNTAX` for what cannot be parsed; duplicate keys and values that JSON does not have are
 * faults, so that they are reported together with all others.
 */
export function readYaml(text: string, file: string): JsonDocument {
  const lines = new LineCounter()
  const document = compose(text, file, lines)
  const error = document.errors[0]
  if (error !== undefined) throw syntaxError(yamlMessage(error.message), file, text, error.pos[0])
  const position = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const places = documentPlaces(document, file, position)
  const converter = new Converter(places, file, text, position)
  const value = converter.convert(document.contents, [])
  return { value, places, faults: converter.faults }
}

/** Duplicate keys are looked for by `Converter`: the library compares each key with every other one. */
const composeOptions = { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const

function compose(text: string, file: string, lines: LineCounter): Document.Parsed {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  const tokens: CST.Token[] = []
  let offset = 0
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    offset += lexeme.length
    // The composer that follows is recursive. Each level of nesting is at most three entries of this stack.
    if (parser.stack.length > 3 * nestingMax) throw tooDeep(file, text, Math.min(offset, text.length))
  }
  for (const token of parser.end()) tokens.push(token)
  const documents = [...new Composer(composeOptions).compose(tokens, true, text.length)]
  const second = documents[1]
  if (second !== undefined) throw syntaxError('it holds more than one document', file, text, second.range[0])
  return documents[0]!
}

function tooDeep(file: string, text: string, offset: number): VertigoError {
  return syntaxError(`more than ${nestingMax} levels stand inside each other`, file, text, offset)
}

/** The library's messages are sentences without a common form; ours continue one. */
function yamlMessage(message: string): string {
  const text = message.replace(/\.$/, '')
  return text.charAt(0).toLowerCase() + text.slice(1)
}

class Converter {
  readonly faults: VertigoError[] = []
  readonly #places: Places
  readonly #file: string
  readonly #text: string
  readonly #position: (offset: number) => Place
  readonly #anchors = new Map<string, { value: Json; values: number } | 'open'>()
  #values = 0

  constructor(places: Places, file: string, text: string, position: (offset: number) => Place) {
    this.#places = places
    this.#file = file
    this.#text = text
    this.#position = position
  }

  convert(node: unknown, path: Path): Json {
    const { range, anchor } = (node ?? {}) as { range?: readonly number[] | null; anchor?: string }
    const offset = range?.[0] ?? 0
    if (path.length > nestingMax) throw tooDeep(this.#file, this.#text, offset)
    if (isAlias(node)) return this.#alias(node.source, offset)
    if (anchor !== undefined) this.#anchors.set(anchor, 'open')
    const before = this.#values
    this.#count(1, offset)
    let value: Json = null
    if (isMap(node)) value = this.#map(node, path)
    else if (isSeq(node)) value = node.items.map((item, index) => this.convert(item, [...path, index]))
    else if (isScalar(node)) value = this.#scalar(node.value, path)
    if (anchor !== undefined) this.#anchors.set(anchor, { value, values: this.#values - before })
    return value
  }

  #map(node: YAMLMap, path: Path): Json {
    const fields = new Map<string, Json>()
    for (const pair of node.items) {
      const key = keyName(pair.key)
      const keyOffset = (pair.key as Node | null)?.range?.[0] ?? 0
      if (key === undefined)
        throw syntaxError('a key must be a plain name', this.#file, this.#text, keyOffset)
      const at = [...path, key]
      if (key === '__proto__') {
        const message = `A field cannot be called "__proto__".`
        this.faults.push(fault('FIELD_INVALID', message, this.#places, at, { at: 'key' }))
        continue
      }
      const value = this.convert(pair.value, at)
      if (this.faults.length >= faultsFoundMax) break
      if (fields.has(key)) this.#duplicate(key, at, keyOffset)
      else fields.set(key, value)
    }
    return Object.fromEntries(fields)
  }

  #duplicate(key: string, path: Path, offset: number): void {
    const first = this.#places.of(path, 'key')
    const where = path.length === 1 ? 'the network' : pathText(path.slice(0, -1))
    const place = { ...this.#position(offset), path: pathText(path) }
    const message = `"${key}" stands twice in ${where}: first at line ${first.line}, column ${first.column}.`
    this.faults.push(new VertigoError('KEY_DUPLICATE', message, { place }))
  }

  #scalar(value: unknown, path: Path): Json {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value
    const what = typeof value === 'number' || typeof value === 'bigint' ? String(value) : typeof value
    const message = `${pathText(path)} is ${what}, which JSON cannot hold.`
    this.faults.push(fault('FIELD_INVALID', message, this.#places, path))
    return null
  }

  #alias(name: string, offset: number): Json {
    const found = this.#anchors.get(name)
    if (found === undefined)
      throw syntaxError(`the alias *${name} has no anchor &${name} before it`, this.#file, this.#text, offset)
    if (found === 'open')
      throw syntaxError(`the alias *${name} stands inside of what it repeats`, this.#file, this.#text, offset)
    this.#count(found.values, offset)
    return found.value
  }

  #count(values: number, offset: number): void {
    this.#values += values
    if (this.#values > valuesMax)
      throw syntaxError(`it stands for more than ${valuesMax} values`, this.#file, this.#text, offset)
  }
}

function documentPlaces(
  document: Document.Parsed,
  file: string,
  position: (offset: number) => Place,
): Places {
  const indexes = new WeakMap<YAMLMap, Map<string, Pair>>()
  let anchors: Map<string, unknown> | undefined
  const resolve = (node: unknown): unknown => {
    if (!isAlias(node)) return node
    anchors ??= collectAnchors(document.contents)
    return anchors.get(node.source)
  }
  const child = (node: unknown, step: string | number): Pair | undefined => {
    if (isSeq(node)) {
      const item = typeof step === 'number' ? node.items[step] : undefined
      return item === undefined ? undefined : { key: item, value: item }
    }
    if (!isMap(node)) return undefined
    let index = indexes.get(node)
    if (index === undefined) {
      index = new Map()
      for (const pair of node.items) {
        const name = keyName(pair.key)
        if (name !== undefined && !index.has(name)) index.set(name, pair)
      }
      indexes.set(node, index)
    }
    return index.get(String(step))
  }
  return {
    file,
    of(path, at = 'value') {
      let node: unknown = resolve(document.contents)
      let key: unknown = document.contents
      let wanted = at
      for (const step of path) {
        const found = child(node, step)
        if (found === undefined) {
          wanted = 'key'
          break
        }
        key = found.key
        node = resolve(found.value)
      }
      const target = wanted === 'value' && isScalar(node) && !isEmpty(node) ? node : key
      return position((target as Node | null)?.range?.[0] ?? 0)
    },
  }
}

interface Pair {
  readonly key: unknown
  readonly value: unknown
}

/** The name that a key stands for, as it was written (`1.0` is no number here); undefined for lists, mappings and aliases. */
function keyName(key: unknown): string | undefined {
  return isScalar(key) ? (key.source ?? String(key.value)) : undefined
}

function isEmpty(node: Node): boolean {
  return node.range !== null && node.range !== undefined && node.range[0] === node.range[1]
}

/** Depth is bounded: the document was read before. */
function collectAnchors(contents: unknown): Map<string, unknown> {
  const anchors = new Map<string, unknown>()
  const visit = (node: unknown): void => {
    const anchor = (node as { anchor?: string } | null)?.anchor
    if (anchor !== undefined && !isAlias(node)) anchors.set(anchor, node)
    if (isMap(node) || isSeq(node)) for (const item of node.items) visit(item)
    else if (isPair(node)) visit(node.value)
  }
  visit(contents)
  return anchors
}
