import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Network } from '../../../src/model/network.ts'
import { toDot } from '../../../src/model/render/dot.ts'
import { layOut } from '../../../src/model/render/layout.ts'
import { toMermaid } from '../../../src/model/render/mermaid.ts'
import { toSvg } from '../../../src/model/render/svg.ts'
import { networks } from './arbitraries.ts'

const wordCount: Network = {
  name: 'word-count',
  description: 'Counts <words> & "lines"',
  components: {
    lines: { kind: 'file-lines' },
    end: { kind: './say "hi" <b>.ts', instances: 4 },
    net: { kind: './sub.yaml' },
  },
  connections: [
    { from: 'lines.out', to: 'end.in', selector: { type: 'hash', key: 'user.id' } },
    { from: 'end.out', to: 'net.in' },
    { from: 'end.again', to: 'lines.in', back: true },
  ],
  initial: [{ to: 'end.in', value: '"]; x' }],
  exports: { outputs: { done: 'net.out' } },
}

describe('toMermaid', () => {
  it('draws boxes and arrows, and escapes what is not text', () => {
    assert.equal(
      toMermaid(wordCount),
      `flowchart LR
  n0["lines<br/>file-lines"]
  n1["end ×4<br/>./say #34;hi#34; #60;b#62;.ts"]
  n2[["net<br/>./sub.yaml"]]
  n3>"#34;#92;#34;#93;; x#34;"]
  n4(("done"))
  n0 -->|"out → in · hash user.id"| n1
  n1 -->|"out → in"| n2
  n1 -.->|"again → in"| n0
  n3 -->|"in"| n1
  n2 -->|"out"| n4
`,
    )
  })
})

describe('toDot', () => {
  it('draws nodes and edges, and escapes what is not text', () => {
    const lines = toDot(wordCount).split('\n')
    assert.equal(lines[0], 'digraph "word-count" {')
    assert.ok(
      lines.includes('  n1 [label="end ×4\\n./say \\"hi\\" <b>.ts", shape=box, style=rounded]'),
      lines.join('\n'),
    )
    assert.ok(lines.includes('  n3 [label="\\"\\\\\\"]; x\\"", shape=note]'), lines.join('\n'))
    assert.ok(lines.includes('  n0 -> n1 [taillabel="out", headlabel="in", label="hash user.id"]'))
    assert.ok(
      lines.includes('  n1 -> n0 [taillabel="again", headlabel="in", style=dashed, constraint=false]'),
    )
  })

  it('leaves no quote open, whatever the names', () => {
    fc.assert(
      fc.property(networks, (network) => {
        for (const line of toDot(network).split('\n'))
          assert.equal(line.replace(/\\./g, '').split('"').length % 2, 1, line)
      }),
      { numRuns: 100 },
    )
  })
})

describe('toSvg', () => {
  it('shows names, kinds, numbers of instances, ports and selectors, escaped', () => {
    const svg = toSvg(wordCount)
    assert.match(svg, /<title>word-count<\/title>/)
    assert.match(svg, /<desc>Counts &#60;words&#62; &#38; &#34;lines&#34;<\/desc>/)
    for (const text of [
      'lines',
      'file-lines',
      './say &#34;hi&#34; &#60;b&#62;.ts',
      '×4',
      'out',
      'again',
      'hash user.id',
      'done',
    ])
      assert.ok(svg.includes(`>${text}</text>`), text)
  })

  it('is well-formed, the same each time, and has no number that is none', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const svg = toSvg(network)
        assert.equal(toSvg(structuredClone(network)), svg)
        assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
        assert.equal(wellFormed(svg), undefined)
      }),
      { numRuns: 150 },
    )
  })

  it('is drawn for a network without anything', () => {
    assert.equal(wellFormed(toSvg({ name: 'n', components: {}, connections: [] })), undefined)
  })
})

describe('layOut', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  const graphs = fc.record({
    boxes: fc.tuple(
      ...ids.map((id) =>
        fc.record({
          id: fc.constant(id),
          width: fc.integer({ min: 40, max: 200 }),
          height: fc.integer({ min: 20, max: 150 }),
        }),
      ),
    ),
    lines: fc.array(
      fc.record({
        from: fc.constantFrom(...ids),
        to: fc.constantFrom(...ids),
        back: fc.boolean(),
        fromOffset: fc.integer({ min: -9, max: 9 }),
        toOffset: fc.integer({ min: -9, max: 9 }),
      }),
      { maxLength: 14 },
    ),
  })

  it('keeps boxes apart and inside, and leads lines forward unless they close a cycle', () => {
    fc.assert(
      fc.property(graphs, ({ boxes, lines }) => {
        const layout = layOut(boxes, lines, { layer: 80, box: 20 })
        const placed = boxes.map((box) => ({ ...box, ...layout.boxes.get(box.id)! }))
        for (const box of placed) {
          assert.ok(box.x >= -0.01 && box.x + box.width <= layout.width + 0.01)
          assert.ok(box.y >= -0.01 && box.y + box.height <= layout.height + 0.01)
          for (const other of placed) {
            const apart =
              box.x + box.width + 79 < other.x ||
              other.x + other.width + 79 < box.x ||
              box.y + box.height + 19 < other.y ||
              other.y + other.height + 19 < box.y
            assert.ok(box === other || apart, `${box.id} and ${other.id} overlap`)
          }
        }
        for (const [index, line] of lines.entries()) {
          const from = layout.boxes.get(line.from)!.layer
          const to = layout.boxes.get(line.to)!.layer
          assert.equal(layout.lines[index] === undefined, to <= from)
          if (to > from) assert.equal(layout.lines[index]!.length, to - from - 1)
        }
      }),
    )
  })

  it('gives a chain one layer for each box', () => {
    const boxes = ids.map((id) => ({ id, width: 50, height: 30 }))
    const lines = ids
      .slice(1)
      .map((to, index) => ({ from: ids[index]!, to, back: false, fromOffset: 0, toOffset: 0 }))
    const layout = layOut(boxes, lines, { layer: 80, box: 20 })
    assert.deepEqual(
      ids.map((id) => layout.boxes.get(id)),
      ids.map((_, layer) => ({ x: layer * 130, y: 0, layer })),
    )
  })
})

/** What is wrong with XML, as far as these images use it: tags that match, attributes in quotes, references, characters. */
function wellFormed(text: string): string | undefined {
  const open: string[] = []
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) || !text.isWellFormed())
    return 'a character that XML does not have'
  const rest = text.replace(
    /<(\/?)([a-z]+)((?: [\w:-]+="[^"<&]*")*) ?(\/?)>/g,
    (_, close: string, name: string, _attributes, empty: string) => {
      if (close === '/') {
        if (open.pop() !== name) open.push(`a wrong </${name}>`)
      } else if (empty === '') open.push(name)
      return ''
    },
  )
  if (open.length > 0) return `not closed: ${open.join(', ')}`
  const bad = /<|&(?!#\d+;)/.exec(rest)
  return bad === null ? undefined : `not escaped: ${rest.slice(bad.index, bad.index + 40)}`
}
