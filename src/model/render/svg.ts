import type { Network } from '../network.ts'
import { layOut } from './layout.ts'
import { type Box, type Line, pictureOf, shortened } from './picture.ts'

const margin = 24
const header = 44
const row = 20
const pillHeight = 26
const textLengthMax = 34
/** Space for the label of a line. */
const layerGap = 110
const boxGap = 30

/** Readable on light and on dark ground: boxes have a ground of their own, lines are of a middle tone. */
const colors = {
  box: '#f6f8fb',
  border: '#8592a6',
  title: '#17202b',
  text: '#586578',
  line: '#7b8799',
  label: '#ffffff',
  labelGround: '#66738a',
  source: '#12957f',
  component: '#3f74d6',
  sink: '#c9762b',
  subnet: '#8257c9',
  export: '#66738a',
  packet: '#66738a',
}

interface Placed extends Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * A network as an SVG image, from left to right: for each component a box with its name, kind, number of instances and
 * ports; for each connection a curve with its selector. Connections that lead backwards go around the boxes from below.
 */
export function toSvg(network: Network): string {
  const { boxes, lines } = pictureOf(network)
  const sizes = boxes.map((box) => ({ id: box.id, ...sizeOf(box) }))
  const size = new Map(boxes.map((box, index) => [box.id, { ...box, ...sizes[index]!, x: 0, y: 0 }]))
  const offset = (id: string, side: 'inputs' | 'outputs', port: string): number =>
    portY(size.get(id)!, side, port) - size.get(id)!.height / 2
  const ends = lines.map((line) => ({
    ...line,
    fromOffset: offset(line.from, 'outputs', line.fromPort),
    toOffset: offset(line.to, 'inputs', line.toPort),
  }))
  const layout = layOut(sizes, ends, { layer: layerGap, box: boxGap })
  const placed = new Map<string, Placed>()
  for (const [index, box] of boxes.entries()) {
    const { x, y } = layout.boxes.get(box.id)!
    const { width, height } = sizes[index]!
    placed.set(box.id, { ...box, x: x + margin, y: y + margin, width, height })
  }
  let bottom = margin + layout.height
  const curves: string[] = []
  const labels: string[] = []
  for (const [index, line] of lines.entries()) {
    const from = placed.get(line.from)!
    const to = placed.get(line.to)!
    const start = { x: from.x + from.width, y: portY(from, 'outputs', line.fromPort) }
    const end = { x: to.x, y: portY(to, 'inputs', line.toPort) }
    const passes = layout.lines[index]
    let path: string
    let middle: Point
    if (passes === undefined) {
      const around = from === to ? [from] : [...placed.values()]
      const low =
        lowest(around, to.x, from.x + from.width) + 16 + (from === to ? 0 : 12 * (curves.length % 3))
      bottom = Math.max(bottom, low)
      const reach = from === to ? 30 : 50
      const turn = ` C${at(start, reach)} ${num(start.x + reach)} ${num(low)} ${num(start.x)} ${num(low)}`
      const back = ` C${num(end.x - reach)} ${num(low)} ${at(end, -reach)} ${at(end)}`
      path = `M${at(start)}${turn} L${num(end.x)} ${num(low)}${back}`
      middle = { x: (start.x + end.x) / 2, y: low }
    } else {
      const points = passes.map((pass) => ({ ...pass, x: pass.x + margin, y: pass.y + margin }))
      path = `M${at(start)}`
      let last: Point = start
      for (const point of points) {
        path += `${curve(last, point)} L${num(point.x + point.width)} ${num(point.y)}`
        last = { x: point.x + point.width, y: point.y }
      }
      path += curve(last, end)
      const first = points[0] ?? end
      middle = { x: (start.x + first.x) / 2, y: (start.y + first.y) / 2 }
    }
    const dashes = line.back || from.shape === 'packet' ? ' stroke-dasharray="5 4"' : ''
    curves.push(`<path d="${path}"${dashes} marker-end="url(#arrow)"/>`)
    if (line.label !== '') labels.push(labelText(line, middle))
  }
  const width = Math.ceil(layout.width + 2 * margin)
  const height = Math.ceil(bottom + margin)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Inter, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif" font-size="12" role="img">`,
    `<title>${xml(network.name)}</title>`,
    ...(network.description === undefined ? [] : [`<desc>${xml(network.description)}</desc>`]),
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5 L8 4 L0 7.5 z" fill="${colors.line}"/></marker></defs>`,
    `<g fill="none" stroke="${colors.line}" stroke-width="1.6">`,
    ...curves,
    '</g>',
    ...[...placed.values()].map((box) => (isPill(box) ? pill(box) : component(box))),
    ...labels,
    '</svg>',
    '',
  ].join('\n')
}

interface Point {
  readonly x: number
  readonly y: number
}

function isPill(box: Box): boolean {
  return box.shape === 'export' || box.shape === 'packet'
}

/** There is no font to measure with: a mean width, on the large side, for each character. */
function textWidth(text: string, size: number): number {
  let width = 0
  for (const char of text)
    width += /[\u1100-\uffff]|[\u{10000}-\u{10ffff}]/u.test(char) ? 1 : /[A-Zmw@%×…]/.test(char) ? 0.74 : 0.56
  return width * size
}

function sizeOf(box: Box): { width: number; height: number } {
  if (isPill(box))
    return { width: textWidth(shortened(box.title, textLengthMax), 12) + 28, height: pillHeight }
  const title =
    textWidth(shortened(box.title, textLengthMax), 14) +
    (box.instances > 1 ? textWidth(`×${box.instances}`, 12) + 24 : 0)
  const kind = textWidth(shortened(box.subtitle, textLengthMax), 11)
  const rows = Math.max(box.inputs.length, box.outputs.length)
  const ports = Math.max(
    0,
    ...Array.from(
      { length: rows },
      (_, i) => textWidth(`${box.inputs[i] ?? ''}${box.outputs[i] ?? ''}`, 11) + 28,
    ),
  )
  return {
    width: Math.max(96, title + 28, kind + 28, ports),
    height: header + rows * row + (rows > 0 ? 8 : 0),
  }
}

function portY(box: Placed, side: 'inputs' | 'outputs', port: string): number {
  if (isPill(box)) return box.y + box.height / 2
  return box.y + header + row * (box[side].indexOf(port) + 0.5)
}

function lowest(boxes: readonly Placed[], left: number, right: number): number {
  const inTheWay = boxes.filter((box) => box.x < right + 60 && box.x + box.width > left - 60)
  return Math.max(0, ...inTheWay.map((box) => box.y + box.height))
}

function curve(from: Point, to: Point): string {
  const reach = Math.max(24, (to.x - from.x) / 2)
  return ` C${at(from, reach)} ${at(to, -reach)} ${at(to)}`
}

function at(point: Point, right = 0): string {
  return `${num(point.x + right)} ${num(point.y)}`
}

function num(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function component(box: Placed): string {
  const { x, y, width, height } = box
  const color = colors[box.shape]
  const rect = (shift: number, ground: string): string =>
    `<rect x="${num(x + shift)}" y="${num(y + shift)}" width="${num(width)}" height="${num(height)}" rx="7" fill="${ground}" stroke="${box.shape === 'subnet' ? color : colors.border}"/>`
  const title = shortened(box.title, textLengthMax)
  const parts = [
    `<title>${xml(`${box.title}: ${box.subtitle}`)}</title>`,
    ...(box.instances > 1 ? [rect(6, colors.box), rect(3, colors.box)] : []),
    rect(0, colors.box),
    ...(box.shape === 'subnet'
      ? [
          `<rect x="${num(x + 3)}" y="${num(y + 3)}" width="${num(width - 6)}" height="${num(height - 6)}" rx="5" fill="none" stroke="${color}" stroke-opacity="0.5"/>`,
        ]
      : []),
    `<rect x="${num(x)}" y="${num(y + 10)}" width="4" height="${header - 18}" rx="1" fill="${color}"/>`,
    `<text x="${num(x + 13)}" y="${num(y + 20)}" font-size="14" font-weight="600" fill="${colors.title}">${xml(title)}</text>`,
    `<text x="${num(x + 13)}" y="${num(y + 36)}" font-size="11" fill="${colors.text}">${xml(shortened(box.subtitle, textLengthMax))}</text>`,
  ]
  if (box.instances > 1) {
    const text = `×${box.instances}`
    const size = textWidth(text, 12) + 10
    parts.push(
      `<rect x="${num(x + width - size - 9)}" y="${num(y + 8)}" width="${num(size)}" height="17" rx="8.5" fill="${color}"/>`,
      `<text x="${num(x + width - size / 2 - 9)}" y="${num(y + 20.5)}" text-anchor="middle" font-weight="600" font-size="11" fill="#ffffff">${text}</text>`,
    )
  }
  if (box.inputs.length + box.outputs.length > 0)
    parts.push(
      `<path d="M${num(x + 0.5)} ${num(y + header)} H${num(x + width - 0.5)}" stroke="${colors.border}" stroke-opacity="0.4"/>`,
    )
  const port = (name: string, side: 'inputs' | 'outputs'): string => {
    const py = portY(box, side, name)
    const left = side === 'inputs'
    return [
      `<circle cx="${num(left ? x : x + width)}" cy="${num(py)}" r="3.2" fill="${colors.box}" stroke="${colors.line}" stroke-width="1.4"/>`,
      `<text x="${num(left ? x + 10 : x + width - 10)}" y="${num(py + 4)}" font-size="11" fill="${colors.text}"${left ? '' : ' text-anchor="end"'}>${xml(name)}</text>`,
    ].join('')
  }
  parts.push(
    ...box.inputs.map((name) => port(name, 'inputs')),
    ...box.outputs.map((name) => port(name, 'outputs')),
  )
  return `<g>${parts.join('')}</g>`
}

function pill(box: Placed): string {
  const { x, y, width, height } = box
  const dashes = box.shape === 'packet' ? ' stroke-dasharray="4 3"' : ''
  const radius = box.shape === 'packet' ? 4 : height / 2
  return `<g><rect x="${num(x)}" y="${num(y)}" width="${num(width)}" height="${num(height)}" rx="${radius}" fill="${colors.box}" stroke="${colors[box.shape]}"${dashes}/><text x="${num(x + width / 2)}" y="${num(y + height / 2 + 4)}" text-anchor="middle" fill="${colors.title}">${xml(shortened(box.title, textLengthMax))}</text></g>`
}

function labelText(line: Line, middle: Point): string {
  const text = shortened(line.label, 16)
  const width = textWidth(text, 10) + 12
  return `<g><title>${xml(line.label)}</title><rect x="${num(middle.x - width / 2)}" y="${num(middle.y - 8)}" width="${num(width)}" height="16" rx="8" fill="${colors.labelGround}"/><text x="${num(middle.x)}" y="${num(middle.y + 3.5)}" text-anchor="middle" font-size="10" fill="${colors.label}">${xml(text)}</text></g>`
}

/** Text for XML: characters that XML 1.0 cannot hold at all are replaced. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
