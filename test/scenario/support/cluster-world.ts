import type { BrokenLink, InventoryNode } from '../../../src/cluster/plan/index.ts'
import {
  asNodeId,
  asVersion,
  type Generation,
  type InstanceId,
  type Plan,
  type VersionRecord,
} from '../../../src/cluster/protocol/index.ts'
import type { Command } from './script.ts'
import { versionOf } from './networks.ts'

/** The facts that scripts of the planner and of the manager have in common, and the commands that change them. */
export class ClusterWorld {
  nowMs = 0
  /** Of the store. */
  revision = 0
  readonly nodes = new Map<string, InventoryNode & { readonly revision: number }>()
  readonly versions = new Map<VersionRecord['version'], VersionRecord>()
  plan: Plan | undefined
  openGeneration: Generation | undefined
  quorum = 1
  readonly broken = new Map<string, BrokenLink>()
  goal: 'run' | 'stop' = 'run'
  readonly #lives = new Map<string, number>()

  get version(): VersionRecord['version'] {
    return asVersion(this.versions.size)
  }

  readonly commands: { readonly [name: string]: Command } = {
    /** `> nodes n1 n2`, all alike, or `> node n1 workers=4 used=1 group=gpu label=zone:a machine=m1`. */
    nodes: (words) => {
      for (const id of words) this.#join(id, [])
      return ''
    },
    node: ([id, ...words]) => {
      this.#join(id!, words)
      return ''
    },
    lose: (words) => {
      for (const id of words) this.nodes.delete(id)
      return ''
    },
    drain: (words) => this.#drain(words, true),
    undrain: (words) => this.#drain(words, false),
    /** `> cut n1 n2`: the link between them is broken; `> mend n1 n2`. */
    cut: ([a, b]) => {
      this.broken.set(`${a} ${b}`, [asNodeId(a!), asNodeId(b!)])
      return ''
    },
    mend: ([a, b]) => {
      this.broken.delete(`${a} ${b}`)
      return ''
    },
    quorum: ([count]) => {
      this.quorum = Number(count)
      return ''
    },
    deploy: (_, lines) => {
      const version = asVersion(this.versions.size + 1)
      this.versions.set(version, versionOf(version, lines))
      this.goal = 'run'
      return ''
    },
    stop: () => {
      this.goal = 'stop'
      return ''
    },
  }

  /** `count[1]`: the newest of the current plan; `count[1]#4`: the very instance. */
  instance(text: string): InstanceId {
    const [, component, index, id] = /^([^[]+)\[(\d+)\](?:#(\d+))?$/.exec(text)!
    const found = this.plan?.instances.findLast(
      (one) =>
        one.component === component &&
        one.index === Number(index) &&
        (id === undefined || one.id === Number(id)),
    )
    if (found === undefined) throw new Error(`the plan has no ${text}`)
    return found.id
  }

  #join(id: string, words: readonly string[]): void {
    const valuesOf = (name: string): string[] =>
      words.filter((word) => word.startsWith(`${name}=`)).map((word) => word.slice(name.length + 1))
    const [machine] = valuesOf('machine')
    const life = (this.#lives.get(id) ?? 0) + 1
    this.#lives.set(id, life)
    this.nodes.set(id, {
      id: asNodeId(id),
      incarnation: life === 1 ? id : `${id}'${life}`,
      groups: valuesOf('group'),
      labels: Object.fromEntries(valuesOf('label').map((text) => text.split(':') as [string, string])),
      workers: Number(valuesOf('workers')[0] ?? 2),
      draining: false,
      ...(machine !== undefined && { files: machine }),
      workersOfOthers: Number(valuesOf('used')[0] ?? 0),
      revision: ++this.revision,
    })
  }

  #drain(words: readonly string[], draining: boolean): string {
    for (const id of words) this.nodes.set(id, { ...this.nodes.get(id)!, draining })
    return ''
  }
}
