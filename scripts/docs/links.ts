import { existsSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { inRoot } from '../lib/paths.ts'
import type { Checks } from './checks.ts'
import { type Page, readPage } from './page.ts'

/** Links between documents: the file exists, and the heading. Other hosts are not asked: the gate needs no network. */
export function checkLinks(pages: readonly Page[], checks: Checks): void {
  const byPath = new Map(pages.map((page) => [page.path, page]))
  for (const page of pages)
    for (const { url, line } of page.links) {
      if (/^[a-z][a-z+.-]*:/i.test(url)) continue
      const fault = faultOf(page, url, byPath)
      if (fault === undefined) checks.pass()
      else checks.fail(`${page.path}:${line}`, `link ${url}: ${fault}`)
    }
}

function faultOf(page: Page, url: string, pages: ReadonlyMap<string, Page>): string | undefined {
  const [file = '', anchor] = url.split('#', 2).map(decodeURIComponent)
  if (file.startsWith('/')) return 'write it relative to this page'
  const target = file === '' ? page.path : posix.join(posix.dirname(page.path), file)
  if (target.startsWith('../')) return 'leads out of the repository'
  if (!existsSync(inRoot(target))) return `there is no ${target}`
  if (anchor === undefined || !target.endsWith('.md') || statSync(inRoot(target)).isDirectory())
    return undefined
  const anchors = (pages.get(target) ?? readPage(target)).anchors
  return anchors.has(anchor) ? undefined : `${target} has no heading of this name`
}
