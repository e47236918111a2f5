import { readFileSync } from 'node:fs'
import GithubSlugger from 'github-slugger'
import type { Nodes } from 'mdast'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { inRoot } from '../lib/paths.ts'

/** A page of documentation, as far as it can be checked. */
export interface Page {
  /** From the folder of the repository. */
  readonly path: string
  readonly blocks: readonly Block[]
  readonly links: readonly Link[]
  /** What a link's `#…` may name. */
  readonly anchors: ReadonlySet<string>
}

/** A fenced block: ```` ```ts run file=split.ts ```` has the language `ts`, the mark `run` and the file `split.ts`. */
export interface Block {
  readonly language: string
  readonly marks: ReadonlySet<string>
  readonly file: string | undefined
  readonly text: string
  /** 1-based line of the block's first line of text. */
  readonly line: number
}

export interface Link {
  readonly url: string
  readonly line: number
}

export function readPage(path: string): Page {
  return parsePage(path, readFileSync(inRoot(path), 'utf8'))
}

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = []
  const links: Link[] = []
  const anchors = new Set<string>()
  const slugger = new GithubSlugger()
  visit(fromMarkdown(text), (node) => {
    const line = node.position?.start.line ?? 1
    if (node.type === 'code') blocks.push(blockOf(node.lang ?? '', node.meta ?? '', node.value, line + 1))
    if (node.type === 'link' || node.type === 'definition' || node.type === 'image')
      links.push({ url: node.url, line })
    if (node.type === 'heading') anchors.add(slugger.slug(textOf(node)))
    if (node.type === 'html')
      for (const match of node.value.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(match[1] ?? '')
  })
  return { path, blocks, links, anchors }
}

function blockOf(language: string, meta: string, text: string, line: number): Block {
  const words = meta.split(/\s+/).filter((word) => word !== '')
  const file = words.find((word) => word.startsWith('file='))?.slice('file='.length)
  return { language, marks: new Set(words.filter((word) => !word.includes('='))), file, text, line }
}

function visit(node: Nodes, seen: (node: Nodes) => void): void {
  seen(node)
  if ('children' in node) for (const child of node.children) visit(child, seen)
}

function textOf(node: Nodes): string {
  if ('children' in node) return node.children.map(textOf).join('')
  return 'value' in node ? node.value : ''
}
