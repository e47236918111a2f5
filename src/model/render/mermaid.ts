import type { Network } from '../network.ts'
import { type Box, type Line, pictureOf } from './picture.ts'

const shapes: { readonly [shape in Box['shape']]: readonly [open: string, close: string] } = {
  source: ['([', '])'],
  component: ['[', ']'],
  sink: ['[', ']'],
  subnet: ['[[', ']]'],
  export: ['((', '))'],
  packet: ['>', ']'],
}

/** A network as a Mermaid flowchart (https://mermaid.js.org), which many Markdown viewers draw. */
export function toMermaid(network: Network): string {
  const { boxes, lines } = pictureOf(network)
  // Names may be words of the language (`end`): boxes are numbered.
  const ids = new Map(boxes.map((box, index) => [box.id, `n${index}`]))
  return [
    'flowchart LR',
    ...boxes.map((box) => `  ${ids.get(box.id)}${boxText(box)}`),
    ...lines.map((line) => `  ${ids.get(line.from)} ${arrow(line)} ${ids.get(line.to)}`),
    '',
  ].join('\n')
}

function boxText(box: Box): string {
  const [open, close] = shapes[box.shape]
  const instances = box.instances > 1 ? ` ×${box.instances}` : ''
  const kind = box.subtitle === '' ? '' : `<br/>${escape(box.subtitle)}`
  return `${open}"${escape(box.title)}${instances}${kind}"${close}`
}

function arrow({ fromPort, toPort, label, back }: Line): string {
  const ports = [fromPort, toPort].filter((port) => port !== '').join(' → ')
  const text = label === '' ? ports : `${ports} · ${label}`
  return `${back ? '-.->' : '-->'}|"${escape(text)}"|`
}

/** Mermaid writes characters as `#name;` or `#number;`; a backtick would begin Markdown. */
function escape(text: string): string {
  return text
    .toWellFormed()
    .replace(/[#"<>&`\\|{}[\]]/g, (char) => `#${char.charCodeAt(0)};`)
    .replace(/\p{Cc}/gu, ' ')
}
