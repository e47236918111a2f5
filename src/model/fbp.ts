import { createRequire } from 'node:module'
import type { VertigoError } from '../base/errors.ts'
import { type JsonDocument, syntaxError } from './document.ts'
import { decodeMeta, scanFbp } from './fbp-text.ts'
import type { Component, Connection, InitialPacket, Json, Network } from './network.ts'
import { fault, networkInvalid, type Path, type Places } from './places.ts'
import type { Schema } from './json-schema.ts'
import { checkShape } from './shape.ts'

/** The part of the library that is used; it comes without types. */
interface FbpLibrary {
  /** Throws an `Error` with `location` for text that cannot be parsed. */
  parse(text: string, options: { caseSensitive: boolean; validateContents: boolean }): unknown
}

/** Loaded when it is needed: few networks are written in the language, and every run would wait for its parser. */
function fbpLibrary(): FbpLibrary {
  return createRequire(import.meta.url)('fbp') as FbpLibrary
}

/**
 * FBP graphs, as text (the FBP language) and as JSON (https://github.com/flowbased/fbp): processes become components,
 * initial packets (IIPs) become `initial`, `INPORT` and `OUTPORT` become exports. What FBP has no words for stands in
 * the graph's metadata, in JSON under the name `vertigo`. Names of ports keep their case here; where the graph does not
 * tell them apart by it, they get that of the kinds once those are known (`matchPortCase`). Layout, groups and other metadata are left out.
 */
export interface FbpGraph {
  readonly caseSensitive?: boolean
  readonly properties?: { readonly [name: string]: Json }
  readonly inports?: { readonly [name: string]: FbpPort }
  readonly outports?: { readonly [name: string]: FbpPort }
  readonly processes: {
    readonly [name: string]: { readonly component?: string; readonly metadata?: FbpMetadata }
  }
  readonly connections?: readonly FbpEdge[]
}

export interface FbpPort {
  readonly process: string
  readonly port: string
  readonly index?: number
}

export interface FbpEdge {
  readonly src?: FbpPort
  readonly tgt: FbpPort
  readonly data?: Json
  readonly metadata?: FbpMetadata
}

interface FbpMetadata {
  readonly [name: string]: Json
}

/** Whether a document is an FBP JSON graph and no network of Vertigo's own form. */
export function isFbpGraph(value: Json): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.hasOwn(value, 'processes') && !Object.hasOwn(value, 'components')
}

const anything: Schema = { type: 'object', additionalProperties: {} }
const metadata: Schema = { type: 'object', properties: { vertigo: anything }, additionalProperties: {} }
const port: Schema = {
  type: 'object',
  required: ['process', 'port'],
  properties: {
    process: { type: 'string', description: 'The name of a process.' },
    port: { type: 'string', description: 'The name of its port.' },
  },
  additionalProperties: {},
}
const ports: Schema = { type: 'object', additionalProperties: port }
const graphSchema: Schema = {
  type: 'object',
  required: ['processes'],
  properties: {
    properties: { type: 'object', properties: { vertigo: anything }, additionalProperties: {} },
    inports: ports,
    outports: ports,
    processes: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: { component: { type: 'string' }, metadata },
        additionalProperties: {},
      },
    },
    connections: {
      type: 'array',
      items: {
        type: 'object',
        required: ['tgt'],
        properties: {
          src: port,
          tgt: { ...port, description: 'The input that the connection leads to.' },
          metadata,
        },
        additionalProperties: {},
      },
    },
  },
  additionalProperties: {},
}

/** Converts an FBP JSON graph into the document of a network, with places that lead into the graph. */
export function fromFbpGraph(document: JsonDocument): JsonDocument {
  const faults = [...document.faults, ...checkShape(document.value, graphSchema, document.places)]
  if (faults.length > 0) throw networkInvalid(faults, document.places.file)
  const graph = document.value as unknown as FbpGraph
  const { network, edges, packets } = convert(graph, document.places.file)
  const places: Places = {
    file: document.places.file,
    of: (path, at) => document.places.of(graphPath(path, edges, packets), at),
  }
  return { value: network as unknown as Json, places, faults: unsupported(graph, document.places) }
}

/** Reads the FBP language. Throws `NETWORK_SYNTAX` with line and column. */
export function fromFbpText(text: string, file: string): JsonDocument {
  const scan = scanFbp(text, file)
  let parsed: FbpGraph
  try {
    parsed = fbpLibrary().parse(scan.text, { caseSensitive: true, validateContents: false }) as FbpGraph
  } catch (error) {
    const { location, message } = error as { location?: { start: { offset: number } }; message?: string }
    const what = location === undefined ? 'it is nested too deep' : (message ?? '').replace(/\.$/, '')
    throw syntaxError(sentencePart(what), file, text, location?.start.offset ?? 0)
  }
  const processes: { [name: string]: { component?: string; metadata?: FbpMetadata } } = {}
  for (const [name, process] of Object.entries(parsed.processes)) {
    const { kind, meta } = scan.componentOf(process.component ?? '', process.metadata ?? {})
    const vertigo = decodeMeta(meta)
    processes[scan.nameOf(name)] = { ...(kind === '' ? {} : { component: kind }), metadata: { vertigo } }
  }
  const named = (end: FbpPort): FbpPort => ({ ...end, process: scan.nameOf(end.process) })
  const connections = (parsed.connections ?? []).map((edge) => ({
    ...edge,
    tgt: named(edge.tgt),
    ...(edge.src === undefined ? {} : { src: named(edge.src) }),
  }))
  const graph: FbpGraph = { ...parsed, processes, connections, properties: scan.properties }
  const { network } = convert(graph, file)
  const places = scan.places(file, network)
  return { value: network as unknown as Json, places, faults: unsupported(graph, places, true) }
}

function sentencePart(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1)
}

interface Conversion {
  readonly network: Network
  /** For each connection of the network its index in the graph; likewise for initial packets. */
  readonly edges: readonly number[]
  readonly packets: readonly number[]
}

function convert(graph: FbpGraph, file: string): Conversion {
  const components: [string, Component][] = Object.entries(graph.processes).map(([name, process]) => {
    const { vertigo } = process.metadata ?? {}
    const kind =
      process.component === undefined || process.component === '' ? {} : { kind: process.component }
    return [name, { ...kind, ...(vertigo as object | undefined) } as Component]
  })
  const connections: Connection[] = []
  const initial: InitialPacket[] = []
  const edges: number[] = []
  const packets: number[] = []
  for (const [index, edge] of (graph.connections ?? []).entries()) {
    const to = refText(edge.tgt)
    if (edge.src === undefined) {
      initial.push({ to, value: edge.data ?? null })
      packets.push(index)
    } else {
      const more = edge.metadata?.vertigo as object | undefined
      connections.push({ from: refText(edge.src), to, ...more })
      edges.push(index)
    }
  }
  const { name, description, vertigo } = graph.properties ?? {}
  const inputs = exported(graph.inports)
  const outputs = exported(graph.outports)
  const network = {
    name: name === undefined || name === '' ? nameFromFile(file) : name,
    ...(description === undefined || description === '' ? {} : { description }),
    ...(vertigo as object | undefined),
    components: Object.fromEntries(components),
    connections,
    ...(initial.length === 0 ? {} : { initial }),
    ...(inputs === undefined && outputs === undefined
      ? {}
      : { exports: { ...(inputs && { inputs }), ...(outputs && { outputs }) } }),
  } as Network
  return { network, edges, packets }
}

function refText(end: FbpPort): string {
  return `${end.process}.${end.port}`
}

function exported(
  ends: { readonly [name: string]: FbpPort } | undefined,
): { [name: string]: string } | undefined {
  const entries = Object.entries(ends ?? {})
  if (entries.length === 0) return undefined
  return Object.fromEntries(entries.map(([name, end]) => [name, refText(end)]))
}

/** The name of a network whose file does not tell one: the file's name without its ending. */
export function nameFromFile(file: string): string {
  const last =
    file
      .replace(/[?#].*$/s, '')
      .split(/[/\\]/)
      .at(-1) ?? ''
  const name = last.replace(/\.[^.]*$/, '').replace(/[^A-Za-z0-9_.-]+/g, '-')
  return name.replace(/^[.-]+/, '').slice(0, 100) || 'network'
}

/** Array ports have no counterpart. For text, the places are those of the network, which has connections and packets apart. */
function unsupported(graph: FbpGraph, places: Places, isText = false): VertigoError[] {
  const faults: VertigoError[] = []
  let connection = 0
  let packet = 0
  for (const [index, edge] of (graph.connections ?? []).entries()) {
    const textPath = edge.src === undefined ? ['initial', packet++] : ['connections', connection++]
    for (const end of ['src', 'tgt'] as const) {
      const port = edge[end]
      if (port?.index === undefined || port.index === null) continue
      const message = `${refText(port)}[${port.index}]: array ports do not exist here.`
      const path = isText ? textPath : ['connections', index, end, 'index']
      const remedy = `Leave out "[${port.index}]": a port takes any number of connections.`
      faults.push(fault('FBP_UNSUPPORTED', message, places, path, { remedy }))
    }
  }
  return faults
}

/** Where in an FBP JSON graph that stands which became `path` of the network. */
function graphPath(path: Path, edges: readonly number[], packets: readonly number[]): Path {
  const [top, second, field, ...rest] = path
  const own = field === undefined ? [] : ['metadata', 'vertigo', field, ...rest]
  switch (top) {
    case 'components':
      if (second === undefined) return ['processes']
      return ['processes', second, ...(field === 'kind' ? ['component'] : own)]
    case 'connections':
    case 'initial': {
      const index = (top === 'connections' ? edges : packets)[Number(second)]
      if (index === undefined) return ['connections']
      if (field === 'from') return ['connections', index, 'src', 'port']
      if (field === 'to') return ['connections', index, 'tgt', 'port']
      return ['connections', index, ...(field === 'value' ? ['data', ...rest] : own)]
    }
    case 'exports':
      return [second === 'outputs' ? 'outports' : 'inports', ...(field === undefined ? [] : [field, 'port'])]
    case 'name':
    case 'description':
      return ['properties', top]
    default:
      return ['properties', 'vertigo', ...path]
  }
}
