import type { OutputChannel } from './output-channel.ts'
import type { Router } from './router.ts'

/** A group that a sender has open. */
export class OpenGroup {
  readonly id: number
  readonly name: string | undefined
  readonly parent: OpenGroup | undefined
  readonly channels: readonly OutputChannel[]
  children = 0
  closed = false
  endArgs: unknown = undefined

  constructor(
    id: number,
    name: string | undefined,
    parent: OpenGroup | undefined,
    channels: readonly OutputChannel[],
  ) {
    this.id = id
    this.name = name
    this.parent = parent
    this.channels = channels
  }
}

/** What is open at a port, as a snapshot has it. */
export interface SavedOpen {
  readonly port: string
  readonly isInBatch: boolean
  /** Outer ones first. */
  readonly groups: readonly SavedGroup[]
}

export interface SavedGroup {
  readonly id: number
  /** 0: none. */
  readonly parent: number
  readonly name: string | undefined
  /** It has been ended, and waits for those in it. */
  readonly closed: boolean
  readonly endArgs: unknown
  /** Where it goes: numbers of the target's copies, by the name of the connection. */
  readonly targets: readonly { readonly connection: string; readonly copies: readonly number[] }[]
}

/**
 * The groups that are open at an output port, in the order in which they were opened, and those that its instance has to open again since
 * they were open at the cut of the snapshot that it goes on from.
 */
export class OpenGroups {
  private readonly open = new Set<OpenGroup>()
  private readonly toResume: OpenGroup[] = []

  get size(): number {
    return this.open.size
  }

  get unresumed(): number {
    return this.toResume.length
  }

  add(group: OpenGroup): void {
    this.open.add(group)
  }

  remove(group: OpenGroup): void {
    this.open.delete(group)
  }

  saved(routers: readonly Router[]): SavedGroup[] {
    return Array.from(this.open, ({ id, parent, name, closed, endArgs, channels }) => ({
      id,
      parent: parent?.id ?? 0,
      name,
      closed,
      endArgs,
      targets: routers.map((router) => ({
        connection: router.name,
        copies: [...router.channels.keys()].filter((at) => channels.includes(router.channels[at]!)),
      })),
    }))
  }

  restore(groups: readonly SavedGroup[], routers: readonly Router[]): void {
    const known = new Map<number, OpenGroup>()
    for (const { id, parent, name, closed, endArgs, targets } of groups) {
      const copies = new Map(targets.map((target) => [target.connection, target.copies]))
      const channels = routers.flatMap((router) =>
        (copies.get(router.name) ?? []).flatMap((at) => router.channels[at] ?? []),
      )
      const group = new OpenGroup(id, name, known.get(parent), channels)
      group.closed = closed
      group.endArgs = endArgs
      if (group.parent !== undefined) group.parent.children++
      known.set(id, group)
      this.open.add(group)
      if (!closed) this.toResume.push(group)
    }
  }

  /** The first of the name that was open at the cut and is not in use again; undefined where there is none. */
  resume(parent: OpenGroup | undefined, name: string | undefined): OpenGroup | undefined {
    const at = this.toResume.findIndex((group) => group.parent === parent && group.name === name)
    return at < 0 ? undefined : this.toResume.splice(at, 1)[0]
  }
}
