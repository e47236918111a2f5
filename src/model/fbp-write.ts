import type { FbpEdge, FbpGraph, FbpPort } from './fbp.ts'
import { encodeMeta, kindOfText, reservedName } from './fbp-text.ts'
import { type Json, type Network, parsePortRef } from './network.ts'

/** A network in another form, and what that form could not say. */
export interface Lossy {
  readonly text: string
  /** Paths of what was left out, such as `connections[1].selector`. Empty where nothing was. */
  readonly lost: readonly string[]
}

/**
 * A network as an FBP JSON graph. What FBP has no words for stands under `vertigo` in the metadata of processes and
 * connections and in the graph's properties, so nothing is lost as long as other tools keep metadata.
 */
export function toFbpJson(network: Network): Lossy {
  const { name, description, components, connections, initial, exports, ...vertigo } = network
  const graph: FbpGraph = {
    caseSensitive: true,
    properties: {
      name,
      ...(description === undefined || description === '' ? {} : { description }),
      // An empty description is none in FBP.
      ...withVertigo(description === '' ? { description, ...vertigo } : vertigo),
    },
    inports: ends(exports?.inputs),
    outports: ends(exports?.outputs),
    processes: Object.fromEntries(
      Object.entries(components).map(([component, { kind, ...rest }]) => {
        const more = withVertigo(rest)
        return [component, { component: kind, ...(more.vertigo && { metadata: more }) }]
      }),
    ),
    connections: [
      ...connections.map(({ from, to, ...rest }): FbpEdge => {
        const more = withVertigo(rest)
        return { src: end(from), tgt: end(to), ...(more.vertigo && { metadata: more }) }
      }),
      ...(initial ?? []).map(({ to, value }): FbpEdge => ({ data: value, tgt: end(to) })),
    ],
  }
  return { text: `${JSON.stringify(graph, null, 2)}\n`, lost: [] }
}

function withVertigo(fields: { readonly [field: string]: Json | undefined }): {
  vertigo?: { readonly [field: string]: Json }
} {
  const present = Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined)
  return present.length === 0 ? {} : { vertigo: Object.fromEntries(present) }
}

function ends(refs: { readonly [name: string]: string } | undefined): { [name: string]: FbpPort } {
  return Object.fromEntries(Object.entries(refs ?? {}).map(([name, ref]) => [name, end(ref)]))
}

function end(ref: string): FbpPort {
  const { component, port } = parsePortRef(ref) ?? { component: ref, port: '' }
  return { process: component, port }
}

/**
 * A network in the FBP language. Components keep all their fields as metadata in the parentheses
 * (`Read(file-lines:config.path=in.txt)`); the name, description, guarantee, snapshot interval and dead-letter file are
 * annotations (`# @guarantee exactly-once`). Paths and configuration there are more than FBP's grammar takes, so other
 * tools may refuse them. Connections have no place for selectors, hooks and `back`: these are lost. Names of components
 * and ports that FBP cannot write are changed, and reported as well.
 */
export function toFbpText(network: Network): Lossy {
  const lost: string[] = []
  const names = componentNames(network, lost)
  const lines = annotations(network, lost)
  for (const [side, word] of [
    ['inputs', 'INPORT'],
    ['outputs', 'OUTPORT'],
  ] as const)
    for (const [name, ref] of Object.entries(network.exports?.[side] ?? {})) {
      const path = `exports.${side}.${name}`
      const { process: component, port } = end(ref)
      lines.push(
        `${word}=${names.get(component) ?? component}.${portName(port, path, lost)}:${portName(name, path, lost)}`,
      )
    }
  const declared = new Set<string>()
  const node = (component: string): string => {
    const name = names.get(component) ?? component
    if (!Object.hasOwn(network.components, component) || declared.has(component)) return name
    const found = network.components[component]!
    declared.add(component)
    const { kind, ...written } = found
    // Not valid, and in the text it would be no value at all.
    const { group, ...others } = written
    const fields = group === '' ? others : written
    if (group === '') lost.push(`components.${component}.group`)
    const meta = encodeMeta(fields)
    const content = meta === '' ? kind : `${kind}:${meta}`
    if (!/^[^()'"\n\r]+$/.test(content) || kindOfText(content) !== kind) {
      lost.push(`components.${component}.kind`)
      return `${name}(unknown${meta === '' ? '' : `:${meta}`})`
    }
    return `${name}(${content})`
  }
  for (const [index, { from, to, ...rest }] of network.connections.entries()) {
    for (const field of Object.keys(rest))
      if (rest[field as keyof typeof rest] !== undefined) lost.push(`connections[${index}].${field}`)
    const path = `connections[${index}]`
    const source = end(from)
    const target = end(to)
    const fromText = `${node(source.process)} ${portName(source.port, `${path}.from`, lost)}`
    lines.push(`${fromText} -> ${portName(target.port, `${path}.to`, lost)} ${node(target.process)}`)
  }
  for (const [index, { to, value }] of (network.initial ?? []).entries()) {
    const target = end(to)
    const port = portName(target.port, `initial[${index}].to`, lost)
    lines.push(`${packetText(value)} -> ${port} ${node(target.process)}`)
  }
  for (const component of Object.keys(network.components))
    if (!declared.has(component)) lines.push(node(component))
  return { text: `${lines.join('\n')}\n`, lost }
}

function annotations(network: Network, lost: string[]): string[] {
  const lines = [`# @name ${network.name}`]
  const add = (key: string, field: string, value: string | undefined): void => {
    if (value === undefined) return
    if (value !== value.trim() || value === '' || /[\n\r\u2028\u2029]/.test(value)) lost.push(field)
    else lines.push(`# @${key} ${value}`)
  }
  add('description', 'description', network.description)
  add('guarantee', 'guarantee', network.guarantee)
  const { intervalMs, ...rest } = network.snapshot ?? {}
  add('snapshot-interval-ms', 'snapshot', intervalMs?.toString())
  const hasMore = Object.values(rest).some((value) => value !== undefined)
  if (network.state !== undefined) lost.push('state')
  if (network.snapshot !== undefined && (intervalMs === undefined || hasMore)) lost.push('snapshot')
  if (network.journal !== undefined) lost.push('journal')
  add('dead-letter', 'deadLetter', network.deadLetter)
  return [...lines, '']
}

/** Names as the FBP language takes them: not beginning with a digit or "-", and none that its library cannot take. */
function componentNames(network: Network, lost: string[]): Map<string, string> {
  const names = new Map<string, string>()
  const { components, connections, initial = [], exports } = network
  // A network that is not valid may refer to components that it does not have.
  const refs = [
    ...connections.flatMap(({ from, to }) => [from, to]),
    ...initial.map(({ to }) => to),
    ...Object.values({ ...exports?.inputs }),
    ...Object.values({ ...exports?.outputs }),
  ]
  const taken = new Set([...Object.keys(components), ...refs.map((ref) => end(ref).process)])
  for (const name of Array.from(taken)) {
    let written = name
    if (!/^[a-zA-Z_][a-zA-Z0-9_-]*$/.test(name) || reservedName(name)) {
      written = `_${name.replace(/[^a-zA-Z0-9_-]/g, '_')}`
      while (taken.has(written)) written = `_${written}`
      taken.add(written)
      lost.push(`components.${name}`)
    }
    names.set(name, written)
  }
  return names
}

function portName(port: string, path: string, lost: string[]): string {
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(port) && port !== '__proto__') return port
  lost.push(path)
  if (port === '__proto__') return '_proto_'
  return port.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=[0-9])|^$/, '_')
}

/** Text in single quotes, where that can say it, as FBP people write it; else JSON. */
function packetText(value: Json): string {
  if (typeof value === 'string' && !/[\\\n\r]/.test(value)) return `'${value.replaceAll("'", "\\'")}'`
  // Without the tab, the grammar would take these words for processes.
  if (typeof value === 'boolean' || value === null) return `\t${value}`
  return JSON.stringify(value)
}
