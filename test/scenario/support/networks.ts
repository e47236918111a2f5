import type { FlatComponent, FlatConnection, FlatNetwork } from '../../../src/model/flatten.ts'
import { asVersion, type KindFacts, type VersionRecord } from '../../../src/cluster/protocol/index.ts'

/**
 * Short text for the parts of a network that plans depend on. A line is a component, `name` with any of `x2` (copies), `source`,
 * `rewinds`, `keyed`, `local` (files of its machine), `shared` (they are on all), `config=...`, `group=...`, `label=name:value`, `spread`, `apart=name`; or connections, `a -> b -> c hash`; or
 * `@exactly-once`, `@shared`: what the network says of what it keeps.
 */
export function versionOf(version: number, lines: readonly string[]): VersionRecord {
  const components: { [name: string]: FlatComponent } = {}
  const connections: FlatConnection[] = []
  const kinds: { [name: string]: KindFacts } = {}
  for (const line of lines) {
    if (line.trim().startsWith('@')) continue
    if (line.includes('->')) connections.push(...connectionsOf(line))
    else {
      const [name, ...words] = line.trim().split(/\s+/)
      components[name!] = componentOf(words)
      kinds[name!] = {
        role: words.includes('source') ? 'source' : 'component',
        inputs: ['in'],
        outputs: ['out'],
        keyedState: words.includes('keyed'),
        instanceState: false,
        rewinds: words.includes('rewinds'),
        inMain: false,
        ...(words.includes('local') && { files: 'local' as const }),
      }
    }
  }
  const says = new Set(lines.map((line) => line.trim()))
  const flat: FlatNetwork = {
    name: 'net',
    guarantee: says.has('@exactly-once') ? 'exactly-once' : 'at-most-once',
    ...(says.has('@shared') && { journal: { folder: '/shared' } }),
    components,
    connections,
  }
  return {
    version: asVersion(version),
    flat,
    kinds,
    createdAtMs: version * 1000,
    by: 'test',
    change: '',
  }
}

function componentOf(words: readonly string[]): FlatComponent {
  const valuesOf = (name: string): string[] =>
    words.filter((word) => word.startsWith(`${name}=`)).map((word) => word.slice(name.length + 1))
  const copies = words.find((word) => /^x\d+$/.test(word))
  const [group] = valuesOf('group')
  const [config] = valuesOf('config')
  const labels = valuesOf('label').map((text) => text.split(':') as [string, string])
  const apart = valuesOf('apart')
  const placement = {
    ...(labels.length > 0 && { labels: Object.fromEntries(labels) }),
    ...(words.includes('spread') && { spread: 'node' as const }),
    ...(apart.length > 0 && { apart }),
    ...(words.includes('shared') && { files: 'shared' as const }),
  }
  return {
    kind: './kind.ts',
    base: 'net.yaml',
    ...(copies !== undefined && { instances: Number(copies.slice(1)) }),
    ...(group !== undefined && { group }),
    ...(config !== undefined && { config: { value: config } }),
    ...(Object.keys(placement).length > 0 && { placement }),
  }
}

function connectionsOf(line: string): FlatConnection[] {
  const [chain, selector] = /^(.*?)(?:\s+(hash|all|fair))?$/.exec(line.trim())!.slice(1) as [string, 'hash']
  const names = chain.split('->').map((name) => name.trim())
  return names.slice(1).map((to, at) => ({
    from: `${names[at]}.out`,
    to: `${to}.in`,
    base: 'net.yaml',
    ...(selector !== undefined && { selector }),
  }))
}
