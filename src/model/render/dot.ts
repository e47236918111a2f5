import type { Network } from '../network.ts'
import { type Box, pictureOf } from './picture.ts'

const shapes: { readonly [shape in Box['shape']]: string } = {
  source: 'shape=box, style="rounded,bold"',
  component: 'shape=box, style=rounded',
  sink: 'shape=box, style=rounded',
  subnet: 'shape=box, style=rounded, peripheries=2',
  export: 'shape=cds',
  packet: 'shape=note',
}

/** A network in the language of Graphviz (https://graphviz.org): `dot -Tsvg`. */
export function toDot(network: Network): string {
  const { boxes, lines } = pictureOf(network)
  const ids = new Map(boxes.map((box, index) => [box.id, `n${index}`]))
  const nodes = boxes.map((box) => {
    const instances = box.instances > 1 ? ` ×${box.instances}` : ''
    const label = `${box.title}${instances}${box.subtitle === '' ? '' : `\n${box.subtitle}`}`
    return `  ${ids.get(box.id)} [label=${quoted(label)}, ${shapes[box.shape]}]`
  })
  const edges = lines.map((line) => {
    const attributes = [
      ...(line.fromPort === '' ? [] : [`taillabel=${quoted(line.fromPort)}`]),
      ...(line.toPort === '' ? [] : [`headlabel=${quoted(line.toPort)}`]),
      ...(line.label === '' ? [] : [`label=${quoted(line.label)}`]),
      ...(line.back ? ['style=dashed', 'constraint=false'] : []),
    ]
    return `  ${ids.get(line.from)} -> ${ids.get(line.to)} [${attributes.join(', ')}]`
  })
  return [
    `digraph ${quoted(network.name)} {`,
    '  rankdir=LR',
    '  nodesep=0.5',
    '  ranksep=1.2',
    '  node [fontname="sans-serif", fontsize=11]',
    '  edge [fontname="sans-serif", fontsize=9, labeldistance=2]',
    ...nodes,
    ...edges,
    '}',
    '',
  ].join('\n')
}

/** In quoted text a backslash begins an escape, of which `\n` is one. */
function quoted(text: string): string {
  const escaped = text.toWellFormed().replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
  return `"${escaped.replace(/\p{Cc}/gu, ' ')}"`
}
