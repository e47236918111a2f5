import type { Json, Network, PortRef } from './network.ts'
import { syntaxError } from './document.ts'
import type { Path, Place, Places } from './places.ts'

/**
 * What the FBP library does not do with text of the FBP language: components whose kinds are paths
 * (`Split(./split.ts:instances=2)`), annotations with any text (`# @description Counts words.`), and places.
 */
export interface FbpScan {
  /** The text for the library: what its grammar does not take is replaced, character for character. */
  readonly text: string
  /** From annotations, in the form of an FBP JSON graph. */
  readonly properties: { readonly [name: string]: Json }
  /** The kind and metadata that a component of the parsed graph stands for. */
  componentOf(component: string, metadata: { readonly [key: string]: Json }): ComponentText
  /** The name of a process; those without a name get one from their kind. */
  nameOf(process: string): string
  places(file: string, network: Network): Places
}

interface ComponentText {
  readonly kind: string
  readonly meta: { readonly [key: string]: string }
}

/** What the library's grammar takes between parentheses. */
const strictComponent = /^[a-zA-Z/\-0-9_]*(:[a-zA-Z/=_,0-9]+)?$/

function isForLibrary(content: string): boolean {
  return strictComponent.test(content) && !protoWord.test(content)
}

const protoWord = /(?<![\w-])__proto__(?![\w-])/

/**
 * Names that every JavaScript object has. The library would take what it finds under them for a process, and change it
 * for the whole program; such text must not reach it.
 */
export function reservedName(name: string): boolean {
  return name in Object.prototype
}

/** Throws `NETWORK_SYNTAX` for names that the library must not see. */
export function scanFbp(text: string, file: string): FbpScan {
  const replaced = new Map<string, ComponentText>()
  let out = ''
  /** The text with everything blank that is no structure, to look for places in. */
  let masked = ''
  const properties: { [name: string]: Json } = {}
  for (const { 0: piece, index } of text.matchAll(
    /'(?:\\'|[^'])*'|"(?:\\.|[^"\\\n])*"|#[^\n\r\u2028\u2029]*|\([^()'"\n\r]*\)|[^'"#(]+|./gsu,
  )) {
    const first = piece.charAt(0)
    const reserved = reservedIn(piece, text.slice(index + piece.length))
    if (reserved !== undefined)
      throw syntaxError(`"${reserved.name}" cannot be a name here`, file, text, index + reserved.index)
    if (first === '#') annotation(piece, properties)
    if (first !== '(' || !piece.endsWith(')')) {
      out += piece
      const quoted = piece.length > 1 && (first === "'" || first === '"')
      if (quoted) masked += first + piece.slice(1, -1).replace(/[^\n\r]/g, ' ') + first
      else masked += first === '#' ? ' '.repeat(piece.length) : piece
      continue
    }
    const content = piece.slice(1, -1)
    const stand = isForLibrary(content) ? content : placeholder(replaced.size, content.length)
    if (stand !== content) replaced.set(stand, componentText(content))
    out += `(${stand})`
    masked += piece
  }
  return {
    text: out,
    properties,
    componentOf(component, metadata) {
      const found = replaced.get(component)
      if (found !== undefined) return found
      const meta = Object.entries(metadata).filter(([, value]) => typeof value === 'string')
      return { kind: component, meta: Object.fromEntries(meta) as ComponentText['meta'] }
    },
    nameOf(process) {
      const [, stand, number] = /^_(Vertigo\d+x*)_(\d+)$/.exec(process) ?? []
      const found = stand === undefined ? undefined : replaced.get(stand)
      if (found === undefined) return process
      return `_${found.kind.replace(/[^A-Za-z0-9]+/g, '_').replace(/^_|_$/g, '')}_${number}`
    },
    places: (file, network) => fbpPlaces(masked, file, network),
  }
}

/** The first name in a piece of text that the library must not see; `rest` is the text behind the piece. */
function reservedIn(piece: string, rest: string): { name: string; index: number } | undefined {
  const first = piece.charAt(0)
  // What stands between parentheses does not reach the library where it holds the word, and text is only text ...
  if (first === '#' || first === "'" || first === '(') return undefined
  // ... but as the name of a field of JSON it would change the object that the library makes.
  if (first === '"' && !/^\s*:/.test(rest)) return undefined
  const proto = piece.search(protoWord)
  if (proto >= 0) return { name: '__proto__', index: proto }
  const [declared] = (rest.startsWith('(') && /[\w-]+$/.exec(piece)) || []
  if (declared === undefined || !reservedName(declared)) return undefined
  return { name: declared, index: piece.length - declared.length }
}

/** As long as what it stands for where that is long enough, so that the columns of errors are right. */
function placeholder(number: number, length: number): string {
  return `Vertigo${number}`.padEnd(length, 'x')
}

function componentText(content: string): ComponentText {
  const [, kind = content, metaText] =
    /^(.*?)(?::([\w.%-]+=[^,=]*(?:,[\w.%-]+=[^,=]*)*))?$/s.exec(content) ?? []
  const meta = (metaText ?? '').split(',').filter((item) => item !== '')
  return {
    kind,
    meta: Object.fromEntries(meta.map((item) => [item.split('=')[0]!, item.split('=')[1] ?? ''])),
  }
}

function annotation(comment: string, properties: { [name: string]: Json }): void {
  const [, key, value] = /^# *@([\w-]+) +(.*?) *$/.exec(comment) ?? []
  if (key === undefined || value === undefined) return
  const own = (properties.vertigo ?? {}) as { [name: string]: Json }
  if (key === 'name' || key === 'description') properties[key] = value
  else if (key === 'guarantee') properties.vertigo = { ...own, guarantee: value }
  else if (key === 'dead-letter') properties.vertigo = { ...own, deadLetter: value }
  else if (key === 'snapshot-interval-ms')
    properties.vertigo = { ...own, snapshot: { intervalMs: numberOr(value) } }
}

/** The kind of a component as its text between parentheses says it. */
export function kindOfText(content: string): string {
  if (!isForLibrary(content)) return componentText(content).kind
  return content.split(':')[0]!
}

function numberOr(text: string): Json {
  return /^\d+$/.test(text) ? Number(text) : text
}

/**
 * Fields of a component from the metadata of its process: `instances=2`, `config.path=in.txt`. Values are
 * percent-encoded where they hold other characters; `errors`, `hooks`, `placement` and fields of the configuration that are no text
 * are JSON. Other keys (`x`, `y`, `label`) belong to other tools.
 */
export function decodeMeta(meta: { readonly [key: string]: string }): { [field: string]: Json } {
  const fields: { [field: string]: Json } = {}
  const config: [string, Json][] = []
  for (const [key, value] of Object.entries(meta)) {
    const text = decode(value)
    if (key === 'instances' || key === 'concurrency') fields[key] = numberOr(text)
    else if (key === 'group' || key === 'order') fields[key] = text
    else if (key === 'errors' || key === 'hooks' || key === 'placement') fields[key] = jsonOr(text)
    else if (key === 'config') fields[key] = jsonOr(text)
    else if (key.startsWith('config.')) config.push([decode(key.slice('config.'.length)), jsonOr(text)])
  }
  if (config.length > 0) fields.config = Object.fromEntries(config)
  return fields
}

export function encodeMeta(fields: { readonly [field: string]: Json | undefined }): string {
  const items: string[] = []
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined) continue
    if (field === 'config' && typeof value === 'object' && !isEmpty(value)) {
      for (const [name, item] of Object.entries(value as { [name: string]: Json }))
        items.push(`config.${encode(name)}=${encode(jsonText(item))}`)
    } else if (field === 'group' || field === 'order') items.push(`${field}=${encode(value as string)}`)
    else items.push(`${field}=${encode(jsonText(value))}`)
  }
  return items.join(',')
}

function isEmpty(value: Json): boolean {
  return typeof value !== 'object' || value === null || Object.keys(value).length === 0
}

/** Text as it is, unless it could be taken for another JSON value. */
function jsonText(value: Json): string {
  return typeof value === 'string' && jsonOr(value) === value ? value : JSON.stringify(value)
}

function jsonOr(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    // Not JSON: the text itself is the value.
    return text
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A percent sign that encodes nothing stands for itself.
    return text
  }
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
    .replaceAll('%2F', '/')
}

function fbpPlaces(masked: string, file: string, network: Network): Places {
  const at = (offset: number): Place => {
    const before = masked.slice(0, offset)
    return { file, line: before.split(/\r\n|\r|\n/).length, column: offset - before.search(/[^\n\r]*$/) + 1 }
  }
  /** The place of the first group of the match of that number. */
  const find = (pattern: string, number = 0): Place | undefined => {
    const matches = [...masked.matchAll(new RegExp(`(?<![\\w-])(?:${pattern})`, 'dg'))]
    const offset = (matches[number] ?? matches[0])?.indices?.[1]?.[0]
    return offset === undefined ? undefined : at(offset)
  }
  const component = (name: string): Place | undefined =>
    find(`(${literal(name)})\\(`) ?? find(`(${literal(name)})(?![\\w-])`)
  const connection = (index: number, end?: unknown): Place | undefined => {
    const edge = network.connections[index]
    if (edge === undefined) return undefined
    const source = refOf(edge.from)
    const target = refOf(edge.to)
    const array = '(?:\\[\\d+\\])?'
    const from = `${literal(source.component)}(?:\\([^)]*\\))?(?: +${literal(source.port)}${array})?`
    const to = `(?:${literal(target.port)}${array} +)?${literal(target.component)}(?![\\w-])`
    const earlier = network.connections.slice(0, index)
    const number = earlier.filter((other) => other.from === edge.from && other.to === edge.to).length
    return find(end === 'to' ? `${from} *-> *(${to})` : `(${from}) *-> *${to}`, number)
  }
  const packet = (index: number): Place | undefined => {
    const target = refOf(network.initial?.[index]?.to ?? '')
    const to = `(?:${literal(target.port)}(?:\\[\\d+\\])? +)?${literal(target.component)}(?![\\w-])`
    return find(`['"] *-> *(${to})`) ?? component(target.component)
  }
  const of = ([top, second, field]: Path): Place | undefined => {
    if (top === 'components' && typeof second === 'string') return component(second)
    if (top === 'connections' && typeof second === 'number') return connection(second, field)
    if (top === 'initial' && typeof second === 'number') return packet(second)
    if (top === 'exports' && second !== undefined && typeof field === 'string')
      return find(`(${second === 'outputs' ? 'OUTPORT' : 'INPORT'}=[^\\n\\r:]*:${literal(field)})(?![\\w.])`)
    return undefined
  }
  return { file, of: (path) => of(path) ?? { file } }
}

/** Names of processes have no dots; those of ports may, and are refused later. */
function refOf(text: string): PortRef {
  const [component = '', ...port] = text.split('.')
  return { component, port: port.join('.') }
}

function literal(text: string): string {
  return text.replace(/[^\w\s-]/g, '\\$&')
}
