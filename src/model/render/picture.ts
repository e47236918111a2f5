import { type Connection, type Json, type Network, parsePortRef, selectorSpec } from '../network.ts'

/** What all renderings show: boxes and the lines between their ports. */
export interface Picture {
  readonly boxes: readonly Box[]
  readonly lines: readonly Line[]
}

export interface Box {
  /** Unique; that of a component is its name. */
  readonly id: string
  readonly shape: 'source' | 'component' | 'sink' | 'subnet' | 'export' | 'packet'
  readonly title: string
  /** The kind, as its file tells it; empty for exports and packets. */
  readonly subtitle: string
  readonly instances: number
  /** Ports that lines lead to and from, in the order of their first line. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

export interface Line {
  readonly from: string
  readonly fromPort: string
  readonly to: string
  readonly toPort: string
  /** The selector, unless it is the default. */
  readonly label: string
  readonly back: boolean
}

const valueLengthMax = 24

/** Turns a network, valid or not, into boxes and lines; a component that is only referred to has a box too. */
export function pictureOf(network: Network): Picture {
  const lines: Line[] = []
  const extra: Box[] = []
  const add = (box: Pick<Box, 'id' | 'shape' | 'title'>): void => {
    extra.push({ ...box, subtitle: '', instances: 1, inputs: [''], outputs: [''] })
  }
  const end = (ref: string): { component: string; port: string } =>
    parsePortRef(ref) ?? { component: ref, port: '' }
  for (const connection of network.connections) {
    const from = end(connection.from)
    const to = end(connection.to)
    lines.push({
      from: from.component,
      fromPort: from.port,
      to: to.component,
      toPort: to.port,
      label: selectorLabel(connection),
      back: connection.back === true,
    })
  }
  for (const [index, { to, value }] of (network.initial ?? []).entries()) {
    const id = `\u0000packet ${index}`
    add({ id, shape: 'packet', title: valueText(value) })
    lines.push(plainLine(id, '', end(to).component, end(to).port))
  }
  for (const [name, ref] of Object.entries(network.exports?.inputs ?? {})) {
    add({ id: `\u0000input ${name}`, shape: 'export', title: name })
    lines.push(plainLine(`\u0000input ${name}`, '', end(ref).component, end(ref).port))
  }
  for (const [name, ref] of Object.entries(network.exports?.outputs ?? {})) {
    add({ id: `\u0000output ${name}`, shape: 'export', title: name })
    lines.push(plainLine(end(ref).component, end(ref).port, `\u0000output ${name}`, ''))
  }
  const known = new Set([...Object.keys(network.components), ...extra.map((box) => box.id)])
  const missing = new Set(lines.flatMap((line) => [line.from, line.to]).filter((name) => !known.has(name)))
  const inputs = portsByBox(lines, 'to', 'toPort')
  const outputs = portsByBox(lines, 'from', 'fromPort')
  const boxes = [...Object.keys(network.components), ...missing].map((name): Box => {
    const component = Object.hasOwn(network.components, name) ? network.components[name] : undefined
    const kind = component?.kind ?? '(missing)'
    const role = !inputs.has(name) ? 'source' : outputs.has(name) ? 'component' : 'sink'
    return {
      id: name,
      shape: /\.(ya?ml|json|fbp)$/i.test(kind) ? 'subnet' : role,
      title: name,
      subtitle: kind,
      instances: component?.instances ?? 1,
      inputs: [...(inputs.get(name) ?? [])],
      outputs: [...(outputs.get(name) ?? [])],
    }
  })
  return { boxes: [...boxes, ...extra], lines }
}

function plainLine(from: string, fromPort: string, to: string, toPort: string): Line {
  return { from, fromPort, to, toPort, label: '', back: false }
}

function selectorLabel({ selector }: Connection): string {
  const spec = selectorSpec(selector)
  if (spec.type === 'round-robin') return ''
  if (spec.type === 'hash') return spec.key === undefined ? 'hash' : `hash ${spec.key}`
  return spec.type === 'custom' ? spec.kind : spec.type
}

function portsByBox(
  lines: readonly Line[],
  box: 'from' | 'to',
  port: 'fromPort' | 'toPort',
): Map<string, Set<string>> {
  const ports = new Map<string, Set<string>>()
  for (const line of lines) {
    const set = ports.get(line[box]) ?? new Set()
    ports.set(line[box], set.add(line[port]))
  }
  return ports
}

function valueText(value: Json): string {
  return shortened(JSON.stringify(value), valueLengthMax)
}

/** Text of at most `length` characters; what is cut off stands as an ellipsis. */
export function shortened(text: string, length: number): string {
  const characters = Array.from(text.toWellFormed())
  return characters.length > length ? `${characters.slice(0, length - 1).join('')}…` : text.toWellFormed()
}
