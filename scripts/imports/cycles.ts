import type { ImportTable } from '../import-table.ts'
import type { Fault } from './fault.ts'
import { placeOf } from './layers.ts'
import { resolveImport } from './resolve.ts'
import type { SourceFile } from './source-file.ts'

type Graph = ReadonlyMap<string, ReadonlySet<string>>

/** Cycles between files, of values and of types alike, and between the folders of `src`. */
export function checkCycles(files: readonly SourceFile[], imports: ImportTable): Fault[] {
  const fileGraph = graphOf(files, (path) => path)
  const folderGraph = graphOf(
    files.filter(({ path }) => path.startsWith('src/')),
    (path) => {
      const place = placeOf(path, imports)
      return place === undefined ? path : `src/${place.backend ?? place.row}`
    },
  )
  return [...cyclesOf(fileGraph, 'files'), ...cyclesOf(folderGraph, 'folders')]
}

function graphOf(files: readonly SourceFile[], name: (path: string) => string): Graph {
  const graph = new Map<string, Set<string>>()
  for (const file of files) {
    const from = name(file.path)
    const targets = graph.get(from) ?? new Set<string>()
    graph.set(from, targets)
    for (const { specifier } of file.imports) {
      const target = resolveImport(file.path, specifier)
      if (target === undefined) continue
      const to = name(target)
      if (to !== from || target === file.path) targets.add(to)
    }
  }
  return graph
}

/** One shortest cycle for each strongly connected part, which is what one has to cut first. */
function cyclesOf(graph: Graph, what: string): Fault[] {
  const faults: Fault[] = []
  const reported = new Set<string>()
  for (const start of graph.keys()) {
    if (reported.has(start)) continue
    const cycle = shortestWayBack(graph, start)
    if (cycle === undefined || cycle.some((name) => reported.has(name))) continue
    for (const name of cycle) reported.add(name)
    faults.push({ path: start, message: `cycle of ${what}: ${[...cycle, start].join(' -> ')}` })
  }
  return faults
}

/** Breadth first, so that the cycle that is found is as short as it can be. */
function shortestWayBack(graph: Graph, start: string): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[start, undefined]])
  const queue = [start]
  for (const at of queue) {
    for (const next of graph.get(at) ?? []) {
      if (next === start) return wayTo(at, cameFrom)
      if (cameFrom.has(next)) continue
      cameFrom.set(next, at)
      queue.push(next)
    }
  }
  return undefined
}

function wayTo(end: string, cameFrom: ReadonlyMap<string, string | undefined>): string[] {
  const way: string[] = []
  for (let at: string | undefined = end; at !== undefined; at = cameFrom.get(at)) way.unshift(at)
  return way
}
